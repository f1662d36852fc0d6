"""Writes the start page, in each language: the course in ten seconds, then everything that there is."""
import base64
import html
import io
import pathlib

from PIL import Image

from lecture_utils.datasets.layouts import NEU_CLASSES
from lecture_utils.png import lightened

from ..decks.source import deck_names, read_deck
from ..notebooks import pages
from ..notebooks.repository import repository_address
from ..notebooks.title_cell import promise, thumbnail_figure, title
from . import ruler
from .texts import NOTEBOOKS_IN_KOREAN, START

TEMPLATE = pathlib.Path(__file__).with_name("template")
THUMBNAIL = 560     # pixels, twice as wide as a card is at least
# The explorer's state in its address: the network of notebook 8, a plate with a ruler, asked for scratches, eraser in hand.
RULER_STATE = f"network=neu_ruler&image=scratches-ruler-0&class={NEU_CLASSES.index('scratches')}&boxes=1&erase=1&preset=ruler"


def write_start(folder, notebooks):
    """Write the start pages into `folder`, which holds the decks by now. `notebooks`: list of (name, notebook)."""
    for language in START:
        write_start_page(folder, notebooks, language)


def write_start_page(folder, notebooks, language):
    words = filled(START[language], notebooks)
    page = pages.template("start.html.j2", TEMPLATE).render(
        language=language, words=words, title=words["title"], repository=repository_address(),
        style=pages.style() + (TEMPLATE / "start.css").read_text(encoding="utf-8"),
        pictures=[data_address(lightened(Image.fromarray(picture))) for picture in ruler.plate_and_map()],
        alt=ruler.ALT_KO if language == "ko" else ruler.ALT, state=html.escape(f"{RULER_STATE}&lang={language}"),
        cards=[card(name, notebook, language, words) for name, notebook in notebooks], decks=decks(folder, language))
    (folder / words["file"]).write_text(pages.with_hangul(page), encoding="utf-8")


def filled(words, notebooks):
    """The texts of a language with their numbers in place, but for {minutes}, which each notebook has of its own."""
    numbers = {"accuracy": f"{ruler.accuracy():.0f}", "found": f"{ruler.found_in_the_field():.0f}", "notebooks": len(notebooks),
               "hours": round(sum(notebook.metadata.course.minutes for _, notebook in notebooks) / 60), "decks": len(deck_names()),
               "repository": repository_address(), "minutes": "{minutes}"}
    fill = {str: lambda text: text.format(**numbers), list: lambda texts: [text.format(**numbers) for text in texts]}
    return {key: fill.get(type(text), lambda other: other)(text) for key, text in words.items()}


def card(name, notebook, language, words):
    """One notebook: its page, its picture with alternative text, title, promise (HTML) and minutes."""
    figure, alt = thumbnail_figure(notebook)
    heading, text = NOTEBOOKS_IN_KOREAN[name] if language == "ko" else (title(notebook), promise(notebook))
    return {"address": f"notebooks/{name}.html", "picture": data_address(pages.thumbnail(figure, THUMBNAIL)), "alt": alt,
            "size": Image.open(io.BytesIO(figure)).size, "title": heading, "promise": pages.markdown(text),
            "minutes": words["minutes"].format(minutes=notebook.metadata.course.minutes)}


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
