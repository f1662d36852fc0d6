"""Reads the sources of the lecture decks, and finds what is wrong with them.

A deck is slides/en/NN_name.md and its twin slides/ko/NN_name.md. Each begins with lines `key: value`, then come the
slides. A slide begins with a comment, has one heading, its content, and from the line `Notes:` on what the speaker says:

    <!-- slide why_relu, 3 min, beside -->
    # ReLU keeps what speaks for the class

    The sum has two signs. ...

    ![A 7 and its signed map.](figure:signed_seven)

    Notes:
    Ask first what a reader would see if we drew the absolute value. ...

A line `cite: zhou2016 selvaraju2017` names papers of slides/references.toml: they stand at the slide's foot, and all of a
deck's on slides of their own at its end (`references`). The flag `long` marks what the deck's short way leaves out.

A translated slide carries the same name, minutes and flags, and `of 1a2b3c4d`, the hash of the English slide that it
translates: who changes an English slide makes its twins out of date, and `faults` says so.
"""
import dataclasses
import functools
import hashlib
import pathlib
import re

from .languages import LANGUAGES

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "slides"
FLAGS = {
    "title": "the opening slide: heading large and in the middle",
    "beside": "text at the left, figures at the right",
    "steps": "list items and displayed formulas come one by one",
    "long": "not on the deck's short way",
}
HEADER = re.compile(r"^<!-- slide (?P<name>[a-z0-9_]+), (?P<minutes>\d+) min(?P<flags>(?:, [a-z]+)*)"
                    r"(?:, of (?P<of>[0-9a-f]{8}))? -->$", re.MULTILINE)
FIGURE = re.compile(r'^!\[(?P<alt>[^\]]*)\]\(figure:(?P<name>\w+)(?: "(?P<height>\d+)")?\)$', re.MULTILINE)
QUOTE = re.compile(r'^(?P<kind>code|output): (?P<where>\S+)(?: "(?P<text>.+)")?(?: lines (?P<first>\d+)-(?P<last>\d+))?$',
                   re.MULTILINE)
CITE = re.compile(r"^cite: (?P<keys>.+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Home:
    """Where a talk has a slide from: title and credits of its deck, and the address that leads there, if it does."""

    title: str
    images: str
    address: str | None


@dataclasses.dataclass(frozen=True)
class Slide:
    """One slide of one language; `body` and `notes` are Markdown, `of` the hash that a translation carries."""

    name: str
    minutes: int
    flags: tuple
    of: str
    heading: str
    body: str
    notes: str
    home: Home | None = None  # in a talk

    @property
    def figures(self):
        """(alternative text, name of the function that draws it, height in pixels or None) of each figure, in order."""
        return [(alt.strip(), name, int(height) if height else None) for alt, name, height in FIGURE.findall(self.body)]

    @property
    def quotes(self):
        """The lines that quote code or its output."""
        return [match.group() for match in QUOTE.finditer(self.body)]

    @property
    def cites(self):
        """The keys of the papers that the slide names, in order."""
        return [key for line in CITE.findall(self.body) for key in line.split()]

    @functools.cached_property
    def hash(self):
        """Eight digits that change with anything a listener or a speaker would notice."""
        text = "\n".join([self.name, str(self.minutes), *self.flags, self.heading, self.body, self.notes])
        return hashlib.sha256(re.sub(r"\s+", " ", text).strip().encode()).hexdigest()[:8]


@dataclasses.dataclass(frozen=True)
class Deck:
    name: str
    language: str
    facts: dict  # the lines `key: value` before the first slide
    slides: list

    @property
    def title(self):
        return self.facts["title"]

    @property
    def minutes(self):
        return sum(slide.minutes for slide in self.slides)

    @property
    def short_minutes(self):
        """The minutes of the short way, which leaves out the slides with the flag `long`."""
        return sum(slide.minutes for slide in self.slides if "long" not in slide.flags)


def deck_names(sources=None):
    """The names of the decks, in their order: the folder is their list."""
    return sorted(path.stem for path in ((sources or SOURCES) / "en").glob("[0-9][0-9]_*.md"))


def source(name, language, sources=None):
    return (sources or SOURCES) / language / f"{name}.md"


def read_deck(name, language, sources=None):
    path = source(name, language, sources)
    return parse(path.read_text(encoding="utf-8"), name, language)


def parse(text, name, language):
    """The deck that a Markdown text describes; ValueError says where it departs from the format."""
    headers = list(HEADER.finditer(text))
    for line in re.findall(r"^<!-- *slide.*$", text, re.MULTILINE):
        if not HEADER.match(line):
            raise ValueError(f"{language}/{name}.md: `{line}` should read `<!-- slide some_name, 3 min -->`, with flags "
                             f"({', '.join(FLAGS)}) and, in a translation, `of 1a2b3c4d` after further commas.")
    if not headers:
        raise ValueError(f"{language}/{name}.md has no slides. Each begins with `<!-- slide some_name, 3 min -->`.")
    facts = dict(re.findall(r"^(\w+): (.+)$", text[:headers[0].start()], re.MULTILINE))
    for fact in ("title", "images"):
        if fact not in facts:
            raise ValueError(f"{language}/{name}.md needs the line `{fact}: ...` before its first slide.")
    ends = [header.start() for header in headers[1:]] + [len(text)]
    slides = [parse_slide(header, text[header.end():end], f"{language}/{name}.md")
              for header, end in zip(headers, ends, strict=True)]
    return Deck(name, language, facts, slides)


def parse_slide(header, text, where):
    name, flags = header["name"], tuple(header["flags"].split(", ")[1:])
    for flag in flags:
        if flag not in FLAGS:
            raise ValueError(f"{where}, slide {name}: there is no flag '{flag}', only {', '.join(FLAGS)}.")
    content, _, notes = text.partition("\nNotes:")
    headings = re.findall(r"^# (.+)$", content, re.MULTILINE)
    if len(headings) != 1 or not notes.strip():
        raise ValueError(f"{where}, slide {name}: a slide has one heading `# ...` (this one {len(headings)}) and, "
                         "after a line `Notes:`, what the speaker says.")
    body = re.sub(r"^# .+$", "", content, count=1, flags=re.MULTILINE).strip()
    return Slide(name, int(header["minutes"]), flags, header["of"] or "", headings[0].strip(), body, notes.strip())


# ---- the twins


def faults(name):
    """What keeps a deck's translations from being the English one in another language: sentences, none if all is well."""
    missing = [language for language in LANGUAGES if not source(name, language).is_file()]
    if missing:
        return [f"slides/{language}/{name}.md is missing." for language in missing]
    english = read_deck(name, "en")
    return [f"slides/{language}/{name}.md{fault}" for language in LANGUAGES if language != "en"
            for fault in twin_faults(english, read_deck(name, language))]


def twin_faults(english, twin):
    order = [[slide.name for slide in deck.slides] for deck in (english, twin)]
    if order[0] != order[1]:
        return [f": the slides are not in step. English: {', '.join(order[0])}. Here: {', '.join(order[1])}."]
    return [f", slide {ours.name}: {fault}" for ours, theirs in zip(english.slides, twin.slides, strict=True)
            for fault in slide_faults(ours, theirs)]


def slide_faults(english, twin):
    for what in ("minutes", "flags"):
        if getattr(english, what) != getattr(twin, what):
            yield f"{what} differ: {getattr(english, what)} in English, {getattr(twin, what)} here."
    if [figure[1:] for figure in english.figures] != [figure[1:] for figure in twin.figures]:
        yield "the two languages don't show the same figures."
    if english.quotes != twin.quotes:
        yield "the two languages don't quote the same code."
    if english.cites != twin.cites:
        yield "the two languages don't cite the same papers."
    if twin.of != english.hash:
        yield (f"it translates an older English slide ({twin.of or 'none named'}, now {english.hash}). "
               f"Bring the text up to date, then write `of {english.hash}` into its header.")


def mark_translated(name, language):
    """Write into the deck of a language that each slide translates the English one of the same name as it now is."""
    hashes = {slide.name: slide.hash for slide in read_deck(name, "en").slides}
    path = source(name, language)

    def marked(header):
        if header["name"] not in hashes:
            raise ValueError(f"{name}: there is no English slide {header['name']}.")
        return f"<!-- slide {header['name']}, {header['minutes']} min{header['flags']}, of {hashes[header['name']]} -->"

    path.write_text(HEADER.sub(marked, path.read_text(encoding="utf-8")), encoding="utf-8")
