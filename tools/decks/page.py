"""Writes a deck as one HTML file that loads nothing: style, player, fonts, formulas and figures are in it."""
import html
import json
import pathlib
import re

from nbconvert.filters.markdown_mistune import MarkdownWithMath
from pygments.formatters import HtmlFormatter

from ..notebooks import pages
from ..notebooks.fonts import code_face, font_faces
from .code import quoted
from .languages import LANGUAGES
from .notes import with_doings
from .references import cited, foot
from .source import CITE, FIGURE, QUOTE, Home

TEMPLATE = pathlib.Path(__file__).with_name("template")
TEXT_SIZE = 30  # pixels, of 720
BOXES = {"beside": (600, 520), "alone": (1168, 500)}  # the largest a figure may be, (width, height) in pixels


def box(slide, height):
    """The room (width, height) in pixels that a figure of this slide may fill."""
    width, most = BOXES["beside" if "beside" in slide.flags else "alone"]
    return width, height or most


def page(deck, pictures):
    """The HTML of a deck. `pictures`: for each figure's (slide name, function name) a `figures.Picture`."""
    words, papers = LANGUAGES[deck.language], cited(deck)
    body = "\n".join(section(deck, slide, pictures, foot(slide, papers)) for slide in deck.slides)
    seen = re.sub(r"<svg.*?</svg>|<img[^>]*>", "", body, flags=re.DOTALL)  # no pictures: only what fonts draw
    style = (TEMPLATE / "deck.css").read_text(encoding="utf-8") + HtmlFormatter(style="default").get_style_defs(".highlight")
    fonts = font_faces(html.unescape(seen) + json.dumps(words, ensure_ascii=False) + "0123456789:–/()▸↺")
    fonts += "\n" + code_face(seen, "Deck code")
    return pages.template("deck.html.j2", TEMPLATE).render(
        language=deck.language, title=deck.title, style=f"{fonts}\n{style}", slides=body, words=words, lasting=lasting(deck),
        player=(TEMPLATE / "deck.js").read_text(encoding="utf-8"))


def lasting(deck):
    """How long a deck lasts, in words of its language; with a short way, how long that lasts as well."""
    words = LANGUAGES[deck.language]
    if deck.short_minutes == deck.minutes:
        return words["lasts"].format(deck.minutes)
    return words["lasts, with a short way"].format(deck.minutes, deck.short_minutes)


def section(deck, slide, pictures, cites):
    """One slide, with the line `cites` at its foot. Its notes stand in it, unseen, for the speaker's view."""
    figures = [figure(slide, *each, pictures, LANGUAGES[deck.language]) for each in slide.figures]
    text = QUOTE.sub(lambda match: quoted(match.group(), deck.language), CITE.sub("", slide.body))
    if "beside" in slide.flags:
        text = f'<div class="text">{markdown(FIGURE.sub("", text))}</div><div class="figures">{"".join(figures)}</div>'
    else:
        marks = iter(range(len(figures)))
        text = markdown(FIGURE.sub(lambda _: f"\n<div>figure {next(marks)}</div>\n", text))
        text = re.sub(r"<div>figure (\d+)</div>", lambda mark: figures[int(mark[1])], text)
    home = slide.home or Home(deck.title, deck.facts["images"], None)
    title = html.escape(home.title)
    if home.address:
        title = f'<a href="{home.address}">{title}</a>'
    heading = re.sub(r"^<p>|</p>\s*$", "", markdown(slide.heading).strip())
    return f"""<section id="{slide.name}" class="{" ".join(slide.flags)}" data-minutes="{slide.minutes}">
<h1>{heading}</h1>
<div class="content">{text}</div>
{cites}<footer><span>{title}</span><span>{html.escape(home.images)}</span><span class="place"></span></footer>
<div class="notes" hidden>{markdown(with_doings(slide.notes, deck.language))}</div>
</section>"""


def figure(slide, alt, name, height, pictures, words):
    """A figure's HTML; of an animation all frames, of which the player shows one."""
    picture = pictures[slide.name, name]
    size, alt = f'width="{picture.width}" height="{picture.height}"', html.escape(alt)
    if len(picture.frames) == 1:
        return f'<img src="{picture.frames[0]}" {size} alt="{alt}">'
    frames = "".join(f'<img src="{frame}" {size} alt="" class="frame">' for frame in picture.frames)
    return (f'<div class="animation" role="img" aria-label="{alt}" style="width: {picture.width}px; '
            f'height: {picture.height}px">{frames}</div><button class="play">▶ {words["play"]}</button>')


class SlideRenderer(pages.PageRenderer):
    """Markdown of a slide: a page's, with formulas of the slide's size."""

    def inline_math(self, body):
        return drawn(body, size=TEXT_SIZE)

    def block_math(self, body):
        return drawn(body, display=True, size=1.1 * TEXT_SIZE)


def drawn(tex, **how):
    formula = pages.formula(tex, **how)
    if "<svg" not in formula:
        raise ValueError(f"The formula ${tex}$ can't be drawn. Write it with simpler TeX.")
    return formula


def markdown(source):
    return MarkdownWithMath(renderer=SlideRenderer(escape=False)).render(source)
