"""A talk: slides of several decks as one deck with minutes of its own, described by slides/talks/NAME.toml.

    title = {en = "One hour", ko = "한 시간"}

    [[slides]]
    slide = "7/welcome"
    minutes = 1

    [[slides]]
    slide = "7/welcome"            # once more, so under a name of its own
    name = "questions"
    minutes = 10
    flags = ["title", "steps"]                 # in place of the deck's, as are heading, body or notes in each language
    en.heading = "What would you ask now?"
    ko.heading = "이제 무엇을 물어보겠습니까?"

A slide keeps figures, flags, code and citations of its deck, and its foot leads to its place there. A talk has no short way.
"""
import dataclasses
import tomllib

from . import source
from .languages import LANGUAGES
from .page import lasting
from .references import with_references

TEXTS = {"heading", "body", "notes"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One slide of a talk: the name of its deck and there its own; in the talk its name, minutes, flags and texts by language."""

    deck: str
    slide: str
    name: str
    minutes: int
    flags: tuple | None
    texts: dict


def talk_names():
    return sorted(path.stem for path in (source.SOURCES / "talks").glob("*.toml"))


def read_talk(name):
    """(title by language, list of `Entry`) of a talk; ValueError names the slide that is described wrongly."""
    described = tomllib.loads((source.SOURCES / "talks" / f"{name}.toml").read_text(encoding="utf-8"))
    entries = [read_entry(name, **slide) for slide in described["slides"]]
    names = [entry.name for entry in entries]
    if twice := {one for one in names if names.count(one) > 1}:
        raise ValueError(f"talks/{name}.toml: {', '.join(sorted(twice))} comes twice. Give one of them a `name` of its own.")
    return described["title"], entries


def read_entry(talk, slide="", minutes=None, name=None, flags=None, **texts):
    number, _, title = slide.partition("/")
    decks = [deck for deck in source.deck_names() if number.isdigit() and deck.startswith(f"{int(number):02d}_")]
    if not decks or title not in [one.name for one in source.read_deck(decks[0], "en").slides]:
        raise ValueError(f"talks/{talk}.toml: there is no slide '{slide}'. It should read like 7/welcome.")
    if not isinstance(minutes, int):
        raise ValueError(f"talks/{talk}.toml, {slide}: it needs `minutes`, a whole number; it has {minutes!r}.")
    for flag in flags or ():
        if flag not in source.FLAGS:
            raise ValueError(f"talks/{talk}.toml, {slide}: there is no flag '{flag}', only {', '.join(source.FLAGS)}.")
    for language, text in texts.items():
        if language not in LANGUAGES or not TEXTS.issuperset(text):
            raise ValueError(f"talks/{talk}.toml, {slide}: it may have {', '.join(sorted(TEXTS))} in "
                             f"{', '.join(LANGUAGES)}; it has {', '.join(text)} in {language}.")
    return Entry(decks[0], title, name or f"{number}_{title}", minutes, flags, texts)


def compose(name, language, decks, linked=()):
    """The talk as a deck of one language.

    `decks` has by name the decks that its slides come from, filled in; those whose names are in `linked` can be opened.
    """
    title, entries = read_talk(name)
    slides = [slide_of(entry, decks[entry.deck], language, entry.deck in linked) for entry in entries]
    talk = source.Deck(name, language, {"title": title[language], "images": ""}, slides)
    slides = [dataclasses.replace(slide, body=slide.body.replace("{{minutes}}", lasting(talk))) for slide in slides]
    return with_references(dataclasses.replace(talk, slides=slides))


def slide_of(entry, deck, language, linked):
    slide, = [slide for slide in deck.slides if slide.name == entry.slide]
    home = source.Home(deck.title, deck.facts["images"], f"{deck.name}.html#{slide.name}" if linked else None)
    flags = tuple(flag for flag in entry.flags or slide.flags if flag != "long")
    return dataclasses.replace(slide, name=entry.name, minutes=entry.minutes, flags=flags, home=home,
                               **entry.texts.get(language, {}))


def outline(name, language):
    """The talk in one language as its decks' Markdown has it: numbers not yet filled in."""
    return compose(name, language, {entry.deck: source.read_deck(entry.deck, language) for entry in read_talk(name)[1]})
