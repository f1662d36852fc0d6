"""The explorer's page, asked over HTTP as a browser asks it, and as a browser never would."""

import asyncio
import http.client
import io
import json
import queue
import threading
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from lecture_utils import grad_cam, load_model
from lecture_utils.explorer import Exploration, uploads
from tools import explore

CHOICE = {"method": "Grad-CAM", "layer": "conv2", "class": 3, "opacity": 0.5}


@pytest.fixture(scope="module")
def subjects(embedded_digits):
    digits = embedded_digits
    images = {str(n): digits.x_test[n] for n in range(3)}
    return {"digits": explore.Subject("digits", Exploration(load_model("mnist_cnn"), digits.class_names), images)}


@pytest.fixture(scope="module")
def port(subjects):
    """The page, served on a free port of this computer."""
    socket, port = bind_unused_port()
    started, loop = threading.Event(), asyncio.new_event_loop()

    async def serve():
        server = HTTPServer(explore.make_application(subjects), **explore.LIMITS)
        server.add_socket(socket)
        started.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(serve()), loop.run_forever()), daemon=True)
    thread.start()
    started.wait()
    yield port
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture
def request_(port):
    def request(method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    return request


@pytest.fixture
def ask(request_):
    def ask(image="0", choices=(CHOICE,), network="digits"):
        status, _, body = request_("POST", "/view", json.dumps({"network": network, "image": image, "choices": choices}))
        return status, json.loads(body)
    return ask


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="png")
    return file.getvalue()


def test_the_answer_holds_pictures_scores_and_classes(ask, subjects):
    status, answer = ask(choices=[CHOICE, CHOICE | {"class": 7}])
    images = np.stack([subjects["digits"].images["0"]])
    peak = grad_cam(subjects["digits"].exploration.model, images, "conv2", 3).max()
    assert status == 200 and len(answer["pictures"]) == 2
    assert answer["pictures"][0][0]["caption"] == f"14 × 14 cells, peak {peak:.3g}"
    assert answer["titles"] == ["Grad-CAM of conv2 for 3", "Grad-CAM of conv2 for 7"]
    score = subjects["digits"].exploration.model.predict(images, verbose=0)[0, 0]
    assert f">{score:.2f}<" in answer["scores"] and len(answer["classes"]) == 10


def test_the_page_and_what_it_is_made_of_are_served(request_):
    for path, kind in (("/", "text/html"), ("/explore.js", "text/javascript"), ("/explore.css", "text/css"),
                       ("/networks", "application/json")):
        status, headers, _ = request_("GET", path)
        assert status == 200 and headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize("path", [
    "/../explore.py", "/..%2fexplore.py", "/%2e%2e/explore.py", "/%2e%2e%2f%2e%2e%2fcourse.py", "/..%5cexplore.py",
    "/explore.js/../../../course.py", "/explore.css/..%2f..%2f..%2fcourse.py", "/explore.js%00", "/view/../course.py",
    "/static/../../course.py", "/static/explore.js", "/index.html", "/explore.py", "/course.py", "/README.md",
    "//course.py", "/lab", "/tree", "/edit/course.py", "/files/README.md", "/notebooks/01_cnn_basics.ipynb", "/api",
    "/api/kernels", "/api/contents", "/api/contents/README.md", "/api/sessions", "/terminals", "/terminals/websocket/1",
    "/.git/config", "/etc/passwd", "/etc/../etc/passwd"])
def test_nothing_else_is_served(request_, path):
    for method in ("GET", "HEAD", "POST"):
        status, _, body = request_(method, path, b"" if method == "POST" else None)
        assert status in (403, 404, 405) and len(body) < 100
        assert not any(word in body for word in (b"Traceback", b"root:", b"import", str(explore.PAGE.parents[1]).encode()))


@pytest.mark.parametrize("method, path", [("POST", "/view"), ("POST", "/picture?network=digits"),
                                          ("GET", "/figure.png?asked=1")])
def test_what_goes_wrong_inside_is_told_without_its_traceback(request_, monkeypatch, method, path):
    def broken(*_):
        raise RuntimeError(f"a secret in {explore.__file__}")

    for question in ("view", "picture", "figure"):
        monkeypatch.setattr(explore.Hall, question, broken)
    status, headers, body = request_(method, path, b"{}" if method == "POST" else None)
    assert status == 500 and json.loads(body) == {"error": "this cannot be answered (500)"}
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("method, path", [("GET", "/view"), ("POST", "/"), ("PUT", "/view"), ("DELETE", "/networks"),
                                          ("POST", "/figure.png")])
def test_nothing_else_can_be_done(request_, method, path):
    assert request_(method, path, b"" if method != "GET" else None)[0] == 405


def test_every_answer_confines_the_page(request_):
    for path in ("/", "/networks", "/nowhere"):
        headers = request_("GET", path)[1]
        assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in headers and "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"1", b"\xff\xfe", b"[" * 100_000,
                                  b'{"network": []}', b'{"network": "digits"}',
                                  b'{"network": "digits", "image": "0", "choices": []}',
                                  b'{"network": "digits", "image": "0", "choices": [{"method": "__import__"}]}'])
def test_what_is_no_question_is_answered_with_a_sentence(request_, body):
    status, _, answer = request_("POST", "/view", body)
    assert status == 400 and len(json.loads(answer)["error"].split()) >= 5


@pytest.mark.parametrize("wrong", [{"method": "eval"}, {"layer": "../conv1"}, {"layer": ["conv1"]}, {"more": 1},
                                   {"class": 10}, {"class": -1}, {"class": "3"}, {"class": 1e99}, {"class": 10**400},
                                   {"opacity": 2}, {"opacity": float("nan")}, {"opacity": None},
                                   {"opacity": 10**400}, {"opacity": -(10**400)}])
def test_a_choice_that_there_is_not_is_answered_with_a_sentence(ask, wrong):
    status, answer = ask(choices=[CHOICE | wrong])
    assert status == 400 and len(answer["error"].split()) >= 5


@pytest.mark.parametrize("asked", [{"image": "99"}, {"image": None}, {"network": "vgg"}, {"choices": [CHOICE] * 3}])
def test_a_question_about_what_there_is_not_is_answered_with_a_sentence(ask, asked):
    status, answer = ask(**asked)
    assert status == 400 and "error" in answer


def test_a_drawing_is_kept_under_a_name_that_cannot_be_guessed(request_, ask):
    drawing = np.zeros((168, 168), np.uint8)
    drawing[20:140, 80:95] = 255
    names = {json.loads(request_("POST", "/picture?network=digits", png(drawing))[2])["image"] for _ in range(2)}
    assert len(names) == 2 and all(len(name) >= 20 for name in names)
    assert ask(image=names.pop())[0] == 200


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n" + bytes(100),
                                  png(np.zeros((50, 50), np.uint8))])
def test_a_bad_picture_is_answered_with_a_sentence(request_, data):
    status, _, answer = request_("POST", "/picture?network=digits", data)
    assert status == 400 and len(json.loads(answer)["error"].split()) >= 5


def test_a_file_that_is_too_large_is_not_taken_in(request_):
    try:
        assert request_("POST", "/picture?network=digits", bytes(uploads.MAX_BYTES + 2_000_000))[0] in (400, 413)
    except (ConnectionError, http.client.HTTPException):
        pass        # the server hangs up while it is still coming
    assert request_("POST", "/picture?network=digits", bytes(uploads.MAX_BYTES + 1))[0] == 400


@pytest.mark.parametrize("path", ["/view", "/picture?network=digits", "/nowhere"])
def test_what_declares_to_be_too_large_is_not_waited_for(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=explore.LIMITS["body_timeout"] / 2)
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders(b"the first of many")
    try:
        assert connection.getresponse().status in (400, 413)
    except (ConnectionError, http.client.BadStatusLine):
        pass        # the server hangs up


def test_an_address_without_end_is_refused(request_):
    try:
        assert request_("GET", "/figure.png?asked=" + 1_000_000 * "1")[0] in (400, 414, 431)
    except (ConnectionError, http.client.BadStatusLine):
        pass        # the server hangs up while it is still coming


def test_kept_pictures_are_bounded(subjects, monkeypatch):
    monkeypatch.setattr(explore, "PICTURES", 2)
    hall, drawing = explore.Hall(subjects), np.zeros((100, 100), np.uint8)
    drawing[20:80, 45:55] = 255
    names = [hall.picture("digits", png(drawing))["image"] for _ in range(3)]
    assert list(hall.pictures) == names[1:]
    with pytest.raises(ValueError, match="once more"):
        hall.view({"network": "digits", "image": names[0], "choices": [CHOICE]})


def test_the_figure_is_a_png_named_after_what_was_chosen(request_):
    asked = json.dumps({"network": "digits", "image": "1", "choices": [CHOICE]})
    status, headers, body = request_("GET", "/figure.png?asked=" + quote(asked))
    assert status == 200 and headers["Content-Disposition"] == 'attachment; filename="Grad-CAM-of-conv2-for-3.png"'
    assert Image.open(io.BytesIO(body)).width > 1000


def test_too_many_questions_at_once_are_asked_to_come_again(ask, monkeypatch):
    monkeypatch.setitem(explore.WAITING, "questions", 0)
    status, answer = ask()
    assert status == 503 and "too many questions" in answer["error"]


def test_who_sends_many_large_pictures_keeps_nobody_waiting(request_, ask, monkeypatch):
    """Some of them wait, the next is refused at once, and questions are answered meanwhile."""
    read, come_in = threading.Event(), queue.Queue()

    def slow(data):
        read.wait()
        raise ValueError("this picture was read at last")

    def send():
        come_in.put(request_("POST", "/picture?network=digits", b"a large picture"))

    monkeypatch.setattr(uploads, "read_picture", slow)
    monkeypatch.setitem(explore.WAITING, "pictures", 5)
    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        status, _, body = come_in.get(timeout=300)
        assert status == 503 and "too many pictures" in json.loads(body)["error"] and come_in.empty()
        assert ask()[0] == 200
    finally:
        read.set()
        for thread in threads:
            thread.join()
    assert [come_in.get()[0] for _ in range(5)] == [400] * 5


def test_all_that_ask_at_once_get_the_same_answer(ask):
    expected, answers = ask(), [None] * 30
    threads = [threading.Thread(target=lambda n=n: answers.__setitem__(n, ask())) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answer == expected for answer in answers)


def test_an_answered_question_makes_room_for_the_next(ask, monkeypatch):
    monkeypatch.setitem(explore.WAITING, "questions", 1)
    assert [ask()[0], ask(image="99")[0], ask()[0]] == [200, 400, 200]
