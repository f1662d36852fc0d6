"""The papers that slides cite: `slides/references.toml`, the short form at a slide's foot, and the slides that list them.

    [zhou2016]
    authors = "B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba"
    title = "Learning Deep Features for Discriminative Localization"
    where = "CVPR"
    year = 2016
    url = "https://arxiv.org/abs/1512.04150"
    short = "Zhou et al., CVPR 2016"
"""
import dataclasses
import html
import tomllib

from . import source
from .languages import LANGUAGES

A_SLIDE = 6  # papers that one slide has room for


@dataclasses.dataclass(frozen=True)
class Reference:
    """One paper, as `slides/references.toml` describes it."""

    authors: str
    title: str
    where: str
    year: int
    url: str
    short: str


def all_references():
    """Key -> `Reference` of every paper that slides may cite; ValueError names an entry that is incomplete."""
    file = source.SOURCES / "references.toml"
    entries = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    wanted = [field.name for field in dataclasses.fields(Reference)]
    for key, entry in entries.items():
        if sorted(entry) != sorted(wanted):
            raise ValueError(f"slides/references.toml, [{key}]: it should have {', '.join(wanted)}; it has {', '.join(entry)}.")
    return {key: Reference(**entry) for key, entry in entries.items()}


def cited(deck):
    """Key -> `Reference` of the papers that a deck cites, in the order of their first slides."""
    known = all_references()
    for slide in deck.slides:
        for key in slide.cites:
            if key not in known:
                raise ValueError(f"{deck.language}/{deck.name}.md, slide {slide.name}: slides/references.toml has no "
                                 f"[{key}]; it has {', '.join(known) or 'none'}.")
    return {key: known[key] for slide in deck.slides for key in slide.cites}


def foot(slide, papers):
    """The line at the foot of a slide that names what it cites; nothing where it cites nothing."""
    if not slide.cites:
        return ""
    links = (f'<a href="{html.escape(papers[key].url)}" target="_blank">{html.escape(papers[key].short)}</a>'
             for key in slide.cites)
    return f'<p class="cites">{" · ".join(links)}</p>'


def with_references(deck):
    """The deck with slides at its end that list what it cites, `A_SLIDE` papers on each: they take no minutes."""
    papers, words = list(cited(deck).values()), LANGUAGES[deck.language]
    pages = [papers[n:n + A_SLIDE] for n in range(0, len(papers), A_SLIDE)]
    slides = [source.Slide("references" if number == 1 else f"references_{number}", 0, ("references",), "", words["references"],
                           "\n".join(map(entry, page)), words["about references"])
              for number, page in enumerate(pages, start=1)]
    return dataclasses.replace(deck, slides=deck.slides + slides)


def entry(paper):
    """One paper as a list item, its title a link, the address to be read as well: a slide may be a photograph."""
    address = paper.url.partition("://")[2].removeprefix("www.")
    return (f'- {few(paper.authors)}: <a href="{html.escape(paper.url)}" target="_blank">{html.escape(paper.title)}</a>. '
            f"{html.escape(paper.where)} {paper.year}. <small>{html.escape(address)}</small>")


def few(authors):
    """The names of up to three authors, the first and "et al." of more."""
    names = authors.split(", ")
    return html.escape(authors if len(names) <= 3 else f"{names[0]} et al.")
