"""Writes executed notebooks as pages that load nothing from the network, with an index and the glossary.

Every page is one file: style and figures are inlined, formulas are drawn here, as SVG, and Korean letters are carried
along, so that it needs no font where it is read. Its few lines of script mark in the contents where the reader is; without
them the page says the same.
"""
import base64
import dataclasses
import functools
import html
import io
import pathlib
import posixpath
import re

import ziamath
from jinja2 import Environment, FileSystemLoader, pass_context
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from . import glossary, languages
from .fonts import HANGUL, HANGUL_RANGE, code_face, font_faces
from .repository import file_address, repository_address
from .title_cell import promise, thumbnail_figure, title

TEMPLATES = pathlib.Path(__file__).with_name("page_templates")
FORMULA_SIZE = 18  # pixels, beside text of 17
ziamath.config.svg2 = False  # every drawing complete in itself


@dataclasses.dataclass(frozen=True)
class Link:
    """A link of the house, to a page beside the one that shows it."""

    text: str
    address: str
    language: str = "en"


def top_links(language):
    """The links above a page of `course.py run`."""
    words = languages.WORDS[language]
    return (Link(words["all"], "index.html", language), Link(words["glossary"], "glossary.html", language))


def write_pages(runs, folder, language="en"):
    """Write a page for each notebook that ran, their index, and the glossary."""
    folder.mkdir(exist_ok=True)
    shown = [run for run in runs if run.notebook is not None]
    for run, (before, after) in zip(shown, neighbours([(run.name, run.notebook) for run in shown]), strict=True):
        write_page(run.notebook, folder / f"{run.name}.html", top_links(language), before, after)
    write_index(runs, folder / "index.html", language)
    write_glossary(folder / "glossary.html", top_links(language)[:1], language)


def neighbours(named):
    """For each of these (name, notebook), in their order, the `Link`s to the one before and the one after, or None."""
    links = [None, *(Link(title(notebook), f"{name}.html") for name, notebook in named), None]
    return list(zip(links, links[2:], strict=False))


def language_of(notebook):
    """The language of a notebook, which its metadata name unless it is English."""
    return notebook.metadata.get("course", {}).get("language", languages.LANGUAGES[0])


def write_page(notebook, path, top=None, before=None, after=None):
    """Write one executed notebook as the page `path`, under the links `top`, between its neighbours."""
    language = language_of(notebook)
    exporter = PageExporter(language, extra_template_basedirs=[str(TEMPLATES)], template_name="course")
    cells = fit_for_a_phone(exporter.from_notebook_node(notebook)[0])
    page = template("notebook.html.j2").render(
        language=language, words=languages.WORDS[language], title=title(notebook), style=style(), cells=cells,
        contents=contents(cells), top=top or top_links(language), before=before, after=after, script=script())
    path.write_text(with_hangul(page), encoding="utf-8")


def fit_for_a_phone(body):
    """The HTML with each table in a box in which it scrolls by itself, and with outputs marked whose columns must not wrap."""
    body = re.sub(r"<table\b.*?</table>", r'<div class="scroll">\g<0></div>', body, flags=re.DOTALL)
    body = re.sub(r"<th></th>", "<td></td>", body)      # an empty corner is the head of nothing
    return re.sub(r"<pre>(?!<span></span>)(.*?)</pre>",    # that span is in a cell's code alone
                  lambda pre: f'<pre class="aligned">{pre[1]}</pre>' if has_columns(pre[1]) else pre[0], body, flags=re.DOTALL)


def has_columns(text):
    """Whether several lines of a text seem to stand below each other for a reason."""
    return text.strip().count("\n") > 0 and bool(re.search(r"\S {2,}\S|^ {3,}\S", text, re.MULTILINE))


def contents(body):
    """The headings below the title of a page's HTML: a list of (level 2 or 3, id, HTML without links)."""
    headings = re.findall(r'<h([23])[^>]*? id="([^"]*)"[^>]*>(.*?)</h\1>', body, re.DOTALL)
    return [(int(level), place, re.sub(r'<a class="anchor-link".*?</a>|</?a\b[^>]*>', "", text, flags=re.DOTALL))
            for level, place, text in headings]


def style():
    """The style of all pages; colours of code for a light and for a dark screen."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".highlight") for name in ("default", "github-dark"))
    house = (TEMPLATES / "course.css").read_text(encoding="utf-8")
    return f"{house}\n{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


def script():
    """What a page with contents runs."""
    return (TEMPLATES / "page.js").read_text(encoding="utf-8")


def with_hangul(page):
    """The HTML of a page with the Korean letters it shows, for computers without a Korean font."""
    letters = "".join(sorted(set(re.findall("[가-힣]", page))))
    faces = f"{font_faces(letters, HANGUL, HANGUL_RANGE)}\n{code_face(page, 'Course Hangul code')}" if letters else ""
    return page.replace("</style>", f"{faces}\n</style>", 1) if faces else page


def template(name, *folders):
    """A template of these folders or of the pages' own; what it is given is text, and becomes HTML but for `| safe`."""
    house = Environment(loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, trim_blocks=True)
    house.filters |= {"formula": formula, "line": lambda text: markdown(text).strip().removeprefix("<p>").removesuffix("</p>")}
    return house.get_template(name)


class PageExporter(HTMLExporter):
    """nbconvert's exporter with drawn formulas and links that lead to the other pages, without the bootstrap cell's code."""

    def __init__(self, language, **settings):
        super().__init__(**settings)
        self.language = language

    @property
    def default_config(self):
        config = Config({"TagRemovePreprocessor": {"enabled": True, "remove_input_tags": ["bootstrap"]}})
        config.merge(super().default_config)
        return config

    @pass_context
    def markdown2html(self, context, source):
        return markdown(source, context.get("cell", {}).get("attachments", {}), self.language)

    def default_filters(self):
        yield from super().default_filters()
        yield "formula", lambda text: formula(text.strip().strip("$"), display=True)


class PageRenderer(IPythonRenderer):
    """Markdown of a notebook as HTML of a page."""

    def __init__(self, language="en", **settings):
        super().__init__(**settings)
        self.folder = languages.folder(pathlib.PurePosixPath(), language)

    def inline_math(self, body):
        return formula(body)

    def block_math(self, body):
        return formula(body, display=True)

    def latex_environment(self, name, body):
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)

    def link(self, text, url, title=None):
        """A link to a notebook leads to its page, one to any other file of the repository to where GitHub shows it."""
        return super().link(text, self.address(url), title)

    def address(self, url):
        if "://" in url or url.startswith("#"):
            return url
        if url.startswith("../"):
            return file_address(posixpath.normpath(self.folder / url), repository_address())
        return re.sub(r"\.ipynb(#|$)", r".html\1", url)

    def image(self, text, url, title=None):
        """Pictures of the network, which are badges only, become their text."""
        if "://" in url:
            return f'<span class="badge">{html.escape(text)}</span>'
        return super().image(text, url, title)


def markdown(source, attachments=None, language="en"):
    return MarkdownWithMath(renderer=PageRenderer(language, escape=False, attachments=attachments)).render(source)


@functools.cache        # both languages have the same
def formula(tex, display=False, size=FORMULA_SIZE):
    """TeX drawn as SVG, its letters `size` pixels high; what can't be drawn stays readable TeX."""
    try:
        # ziamath knows the environments align* and split by one name only
        drawing = ziamath.Latex(re.sub(r"\{(aligned|split|align)\}", "{align*}", tex), size=size, inline=not display)
    except Exception:  # its errors have no common class, and none of them should cost the page
        return f"<code>{html.escape(tex)}</code>"
    kind, shift = ("block", 0) if display else ("inline", drawing.getyofst())
    return (f'<span class="formula {kind}" role="img" aria-label="{html.escape(tex)}" '
            f'style="--baseline:{shift:.1f}px">{drawing.svg()}</span>')


# ---- the index


def write_index(runs, path, language="en"):
    """Write the list of the notebooks with their pictures, minutes and CPU seconds as the page `path`."""
    words = languages.WORDS[language]
    page = template("notebooks.html.j2").render(language=language, words=words, title=words["course"], style=style(),
                                                cards=[card(run, language) for run in runs])
    path.write_text(with_hangul(page), encoding="utf-8")


def card(run, language="en"):
    """One notebook of the index: its first figure, title, promise, times, and the error if it failed."""
    notebook, words = run.notebook, languages.WORDS[language]
    if notebook is None:
        return f'<div class="card"><div><h2>{run.name}</h2><p class="failed">{html.escape(run.error)}</p></div></div>'
    figure, link = thumbnail_figure(notebook), f"{run.name}.html"
    picture = ""
    if figure:
        data = base64.b64encode(thumbnail(figure[0], 560)).decode("ascii")
        picture = f'<a href="{link}"><img src="data:image/png;base64,{data}" alt="{html.escape(figure[1])}"></a>'
    failed = f'<p class="failed">{words["stopped"]} {html.escape(run.error)}</p>' if run.error else ""
    times = words["times"].format(minutes=notebook.metadata.get("course", {}).get("minutes", "?"), seconds=run.seconds,
                                  cpu_seconds=run.cpu_seconds)
    return (f'<div class="card">{picture}<div><h2><a href="{link}">{html.escape(title(notebook))}</a></h2>'
            f'{markdown(promise(notebook))}{failed}<p class="facts">{times}</p></div></div>')


def thumbnail(png, width):
    """The PNG at `width` pixels and with few colours, or as it is if that is no smaller."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    if image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.quantize(256, method=Image.Quantize.MAXCOVERAGE).save(file, format="PNG", optimize=True)
    return min(png, file.getvalue(), key=len)


# ---- the glossary


def write_glossary(path, top=None, language="en"):
    """Write the words of the course, English and Korean, as the page `path`, under the links `top`, for readers of a language."""
    every, names = glossary.glossary()
    in_korean = sorted(every, key=lambda term: (not term.is_hangul, term.korean))
    words, hangul = languages.WORDS[language], [term for term in in_korean if term.is_hangul]
    terms, others = (in_korean, every) if language == "ko" else (every, hangul)
    page = template("glossary.html.j2").render(
        language=language, words=words, title=words["glossary"], style=style(), terms=terms, others=others, names=names,
        top=top or top_links(language)[:1])
    path.write_text(with_hangul(page), encoding="utf-8")
