"""The explorer as a page of its own, for a lecture hall: `python3 course.py explore`.

All who open the page share one process, its networks and its memory of answers. The page can ask for a map, a figure or
a picture to be read, and for nothing else: there is no kernel behind it, no code to enter, no file to browse. It is
served to this computer alone; `--ip 0.0.0.0` serves it to everyone in the hall's network.
"""
import argparse
import asyncio
import dataclasses
import io
import json
import pathlib
import secrets
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tornado.web
from PIL import Image
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

import lecture_utils.quiet  # noqa: F401  (before anything that loads TensorFlow)
from lecture_utils import load_mnist, load_model, load_neu, load_photo, load_photo_model
from lecture_utils.datasets.layouts import CIFAR10_CLASSES
from lecture_utils.datasets.loaders import PHOTOS
from lecture_utils.explorer import uploads
from lecture_utils.explorer.exploration import (
    OF_A_LAYER,
    Choice,
    Exploration,
    figure,
    file_name,
    input_picture,
    score_lines,
    scores_html,
    title_of,
    views,
)
from lecture_utils.models import resized

PAGE = pathlib.Path(__file__).with_name("explore_page")
WAITING = {"questions": 100, "pictures": 20}    # of each, so many may wait for an answer; more are asked to come again
PICTURES = 256      # uploaded or drawn pictures that are kept; the largest takes 0.3 MB

LIMITS = {"max_body_size": uploads.MAX_BYTES + 1_000_000, "max_buffer_size": uploads.MAX_BYTES + 1_000_000,
          "body_timeout": 60, "idle_connection_timeout": 300}

HEADERS = {     # the page loads nothing from elsewhere, and stands in no other page
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                               "img-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


@dataclasses.dataclass
class Subject:
    """One network to choose on the page, and its images by name."""

    title: str
    exploration: Exploration
    images: dict

    def described(self):
        return {"title": self.title, "images": list(self.images), "methods": self.exploration.methods,
                "layers": self.exploration.layers, "last_layer": self.exploration.last_layer, "with_layer": OF_A_LAYER,
                "reads_digits": tuple(self.exploration.image_shape) == (uploads.DIGIT_SIDE, uploads.DIGIT_SIDE, 1)}


def load_subjects():
    """The networks of the course, each with images that its notebooks use."""
    digits, steel, net = load_mnist(), load_neu(), load_photo_model()
    first_digits = {f"{label}, no. {n}": digits.x_test[n] for n, label in enumerate(digits.y_test[:30])}
    first_steel = {f"{steel.class_names[label]}, no. {n}": steel.x_test[n] for n, label in enumerate(steel.y_test[:12])}
    reader, gap, dense = (Exploration(load_model(name), data.class_names)
                          for name, data in (("mnist_cnn", digits), ("neu_gap", steel), ("neu_dense", steel)))
    photos = {name: _reduced(load_photo(name)) for name in PHOTOS}
    return {
        "digits": Subject("digits: Flatten and Dense", reader, first_digits),
        "steel": Subject("steel: global average pooling", gap, first_steel),
        "steel_dense": Subject("steel: Flatten and Dense", dense, first_steel),
        "photos": Subject("photographs: " + ("SqueezeNet" if net.model.name == "squeezenet" else "VGG16"),
                          Exploration(net.model, net.class_names, net.preprocess), photos),
        "residual": Subject("photographs: ResNet-20", Exploration(load_model("resnet20"), CIFAR10_CLASSES, _of_32x32), photos)}


def _of_32x32(images):
    return resized(images, 32)


def _reduced(photo):
    """A packaged photograph as large as an uploaded one."""
    return uploads.fit(Image.fromarray(np.round(255 * photo).astype(np.uint8)), (None, None, 3))


# ---- what can be asked


class Hall:
    """Answers to the page's questions; what is wrong with one is a ValueError, a sentence for its sender."""

    def __init__(self, subjects):
        self.subjects, self.pictures = subjects, OrderedDict()
        self.waiting = dict.fromkeys(WAITING, 0)        # what was asked and is not answered yet

    def view(self, asked):
        """Pictures, scores and classes for one choice, or for the two that are compared."""
        exploration, image, choices = self._understood(asked)
        shown = [views(exploration, image, choice) for choice in choices]
        return {"input": input_picture(exploration, image)._asdict(),
                "pictures": [[picture._asdict() for picture in pair] for pair in shown],
                "titles": [title_of(exploration, choice) for choice in choices],
                "scores": scores_html(score_lines(exploration, image, choices)),
                "classes": [[c, exploration.class_names[c]] for c in exploration.listed_classes(image)]}

    def figure(self, asked):
        """(file name, PNG) of what is shown."""
        exploration, image, choices = self._understood(asked)
        file = io.BytesIO()
        figure(exploration, image, choices).savefig(file, format="png", dpi=120)
        return file_name(exploration, choices), file.getvalue()

    def picture(self, network, data):
        """Keep the picture in the bytes of a file; its name, which nobody can guess, stands for it from now on."""
        image = uploads.fit(uploads.read_picture(data), self._subject(network).exploration.image_shape)
        name = secrets.token_urlsafe(16)
        self.pictures[name] = np.round(255 * image).astype(np.uint8)
        while len(self.pictures) > PICTURES:
            self.pictures.popitem(last=False)
        return {"image": name}

    def _understood(self, asked):
        if not isinstance(asked, dict):
            raise ValueError("a question should be an object with the keys network, image and choices")
        subject, choices = self._subject(asked.get("network")), asked.get("choices")
        if not (isinstance(choices, list) and 1 <= len(choices) <= 2):
            raise ValueError("choices should be one or two")
        exploration, image = subject.exploration, self._image(subject, asked.get("image"))
        return exploration, image, [exploration.complete(image, _choice(one)) for one in choices]

    def _subject(self, name):
        if not isinstance(name, str) or name not in self.subjects:
            raise ValueError(f"there is no such network; there are {', '.join(self.subjects)}")
        return self.subjects[name]

    def _image(self, subject, name):
        if isinstance(name, str) and name in subject.images:
            return subject.images[name]
        if isinstance(name, str) and name in self.pictures:
            image = self.pictures[name]
            wanted = subject.exploration.image_shape
            if image.shape[-1] == wanted[-1] and (image.shape[-1] == 3 or image.shape == tuple(wanted)):
                return image.astype(np.float32) / 255
        raise ValueError("there is no such picture any more: upload or draw it once more")


def _choice(one):
    """A `Choice` from {method, layer, class, opacity}; what it names is checked as it is completed."""
    kinds = {"method": str, "layer": (str, type(None)), "class": (int, type(None)), "opacity": (int, float)}
    complete = isinstance(one, dict) and set(one) == set(kinds)
    if not (complete and all(isinstance(one[key], kind) for key, kind in kinds.items())):
        raise ValueError("a choice should have method and layer as text, class as a number and opacity from 0 to 1")
    return Choice(one["method"], one["layer"], one["class"], one["opacity"])


# ---- the server


class Answer(tornado.web.RequestHandler):
    """One request; the work is done by a few threads, so that whoever comes in meanwhile is heard at once.

    Pictures are read by a thread of their own: the largest takes a second, and nobody's questions wait for them.
    """

    line = "questions"

    def initialize(self, hall=None, threads=None):
        self.hall, self.threads = hall, threads

    def set_default_headers(self):
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def work(self, function, *arguments):
        """What `function` returns; None, after an answer to the sender, where it can't be had."""
        if self.hall.waiting[self.line] >= WAITING[self.line]:
            return self.refuse(503, f"too many {self.line} at once: ask once more in a moment")
        self.hall.waiting[self.line] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads[self.line], function, *arguments)
        except ValueError as error:
            self.refuse(400, str(error))
        finally:
            self.hall.waiting[self.line] -= 1

    def refuse(self, status, sentence):
        self.set_status(status)
        self.write({"error": sentence})

    def asked(self, text):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None     # which no method takes for a question

    def write_error(self, status_code, **_):
        self.write({"error": f"this cannot be answered ({status_code})"})


class View(Answer):
    async def post(self):
        answer = await self.work(self.hall.view, self.asked(self.request.body))
        if answer is not None:
            self.write(answer)


class Picture(Answer):
    line = "pictures"

    async def post(self):
        answer = await self.work(self.hall.picture, self.get_query_argument("network", ""), self.request.body)
        if answer is not None:
            self.write(answer)


class Saved(Answer):
    async def get(self):
        answer = await self.work(self.hall.figure, self.asked(self.get_query_argument("asked", "")))
        if answer is not None:
            name, png = answer
            self.set_header("Content-Type", "image/png")
            self.set_header("Content-Disposition", f'attachment; filename="{name}"')
            self.write(png)


class Networks(Answer):
    def get(self):
        self.write({name: subject.described() for name, subject in self.hall.subjects.items()})


class Nowhere(Answer):
    def prepare(self):
        raise tornado.web.HTTPError(404)


class Files(tornado.web.StaticFileHandler):
    def set_extra_headers(self, path):
        for name, value in HEADERS.items():
            self.set_header(name, value)


def make_application(subjects, threads=2):
    lines = {"questions": ThreadPoolExecutor(threads), "pictures": ThreadPoolExecutor(1)}
    given = {"hall": Hall(subjects), "threads": lines}
    return tornado.web.Application([
        ("/view", View, given), ("/picture", Picture, given), ("/figure.png", Saved, given),
        ("/networks", Networks, given),
        (r"/(explore\.js|explore\.css|)", Files, {"path": PAGE, "default_filename": "index.html"})],
        default_handler_class=Nowhere, log_function=lambda handler: None)


def warm_up(subjects):
    """Ask each network once for everything, so that the first person in the hall does not wait for it."""
    for subject in subjects.values():
        image = next(iter(subject.images.values()))
        for method in subject.exploration.methods:
            views(subject.exploration, image, subject.exploration.complete(image, Choice(method)))


async def serve(ip, port):
    subjects = load_subjects()
    warm_up(subjects)
    server, sockets = HTTPServer(make_application(subjects), **LIMITS), bind_sockets(port, ip)
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    where = "everyone in this network" if ip in ("0.0.0.0", "::") else "this computer" if ip == "127.0.0.1" else ip
    print(f"The explorer is at http://{'localhost' if ip in ('127.0.0.1', '0.0.0.0', '::') else ip}:{port} "
          f"(served to {where}). Stop it with Ctrl-C.", flush=True)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser(prog="course.py explore", description=__doc__.partition("\n")[0])
    parser.add_argument("--ip", default="127.0.0.1", help="the address to serve at (127.0.0.1: this computer alone)")
    parser.add_argument("--port", type=int, default=8866, help="(8866; 0: any that is free)")
    arguments = parser.parse_args()
    try:
        asyncio.run(serve(arguments.ip, arguments.port))
    except OSError as error:
        sys.exit(f"Cannot serve at {arguments.ip}, port {arguments.port}: {error.strerror}. "
                 "Choose another with --port.")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
