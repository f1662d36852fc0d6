"""Writes the start page, in each language: the course in ten seconds, then everything that there is."""
import base64
import io
import pathlib
import urllib.parse

from PIL import Image

from lecture_utils.explorer import shared
from lecture_utils.png import lightened

from ..decks.source import deck_names, read_deck
from ..explorer.networks import classes_of
from ..notebooks import languages, pages
from ..notebooks.repository import repository_address
from ..notebooks.title_cell import promise, thumbnail_figure, title
from . import ruler
from .texts import TEXTS

TEMPLATE = pathlib.Path(__file__).with_name("template")
THUMBNAIL = 560     # pixels, twice as wide as a card is at least


def write_start(folder, notebooks):
    """Write the start pages into `folder`, which holds the decks by now. `notebooks`: language -> list of (name, notebook)."""
    for language in languages.LANGUAGES:
        write_start_page(folder, notebooks[language], language)


def write_start_page(folder, notebooks, language):
    words, other = filled(TEXTS[language], notebooks), "en" if language == "ko" else "ko"
    page = pages.template("start.html.j2", TEMPLATE).render(
        language=language, words=words, title=words["title"], repository=repository_address(),
        other=pages.Link(words["other"], TEXTS[other]["file"], other),
        style=pages.style() + (TEMPLATE / "start.css").read_text(encoding="utf-8"),
        pictures=[data_address(lightened(Image.fromarray(picture))) for picture in ruler.plate_and_map()],
        alt=ruler.ALT_KO if language == "ko" else ruler.ALT, presets=presets(language),
        asked=next(preset["address"] for preset in presets(language) if preset["id"] == "ruler"),
        cards=[card(name, notebook, language, words) | picture(notebook) for name, notebook in notebooks],
        decks=decks(folder, language))
    (folder / words["file"]).write_text(pages.with_hangul(page), encoding="utf-8")


def filled(words, notebooks):
    """The texts of a language with their numbers in place, but for what each notebook or deck has of its own."""
    minutes = sum(notebook.metadata.course.minutes for _, notebook in notebooks)
    numbers = {"accuracy": f"{ruler.accuracy():.0f}", "found": f"{ruler.found_in_the_field():.0f}", "notebooks": len(notebooks),
               "hours": round(minutes / 60), "decks": len(deck_names()), "repository": repository_address(),
               "minutes": "{minutes}", "number": "{number}"}
    return {key: text.format(**numbers) if isinstance(text, str) else [line.format(**numbers) for line in text]
            for key, text in words.items()}


def presets(language):
    """The explorer's questions to begin with: id, title, question, address."""
    ending = "_ko" if language == "ko" else ""
    return [{"id": preset["id"], "title": preset["title" + ending], "question": preset["question" + ending],
             "address": f"explorer/index.html#{state(preset, language)}"} for preset in shared.presets()]


def state(preset, language):
    """The part behind # of the explorer's address in which it asks what a preset asks (tools/explorer/page/state.js)."""
    sides = [preset, *([preset | preset["other"]] if "other" in preset else [])]
    asked = {f"{key}{number}": side[key] for side, number in zip(sides, ("", "2"), strict=False)
             for key in ("network", "method", "layer", "class", "dice") if key in side}
    for key in asked.keys() & {"class", "class2"}:
        asked[key] = classes_of(preset["network"]).index(asked[key])
    switches = {key: 1 for key in ("boxes", "erase") if preset.get(key)} | ({"scale": "own"} if preset.get("own_scale") else {})
    return urllib.parse.urlencode({"lang": language, **asked, "image": preset["image"], **switches, "preset": preset["id"]})


def card(name, notebook, language, words):
    """One notebook: its page, title, promise (HTML) and minutes."""
    place = languages.folder(pathlib.PurePosixPath(), language)
    return {"address": f"{place}/{name}.html", "title": title(notebook), "promise": pages.markdown(promise(notebook)),
            "minutes": words["minutes"].format(minutes=notebook.metadata.course.minutes)}


def picture(notebook):
    """The picture of a notebook's card: address, alternative text, and the size of the figure that it shows smaller."""
    figure, alt = thumbnail_figure(notebook)
    return {"picture": data_address(pages.thumbnail(figure, THUMBNAIL)), "alt": alt, "size": Image.open(io.BytesIO(figure)).size}


def decks(folder, language):
    """The decks of a language: title, minutes, address, and that of the PDF if it was printed."""
    every = []
    for deck in (read_deck(name, language) for name in deck_names()):
        address = f"slides/{language}/{deck.name}"
        printed = f"{address}.pdf" if (folder / f"{address}.pdf").is_file() else None
        every.append({"title": deck.title, "minutes": deck.minutes, "address": f"{address}.html", "pdf": printed})
    return every


def data_address(png):
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
