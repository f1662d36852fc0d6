"""Shows documents of the repository as pages: the run-sheet, and how the capstone is graded, each in both languages.

They are written for GitHub: their anchors are those that GitHub makes of headings, and their links lead to files. Here a link
leads to that file's page, where it has one, and to GitHub otherwise; a slide that is named as `3/formula` becomes a link to it.
"""
import functools
import html
import pathlib
import posixpath
import re

from nbconvert.filters.markdown_mistune import MarkdownWithMath

from ..decks.source import ROOT, deck_names, read_deck
from ..notebooks import languages, pages
from ..notebooks.repository import file_address, repository_address

# Files of the repository that have a page, and which; every notebook has one besides.
PAGES = {"slides/INSTRUCTOR.md": "instructor.html", "slides/INSTRUCTOR.ko.md": "instructor.ko.html",
         "docs/capstone.md": "capstone.html", "docs/capstone.ko.md": "capstone.ko.html",
         "docs/GLOSSARY.md": "notebooks/glossary.html"}


def write_document(source, folder, top):
    """Write the document `source`, as the repository names it, as its page in `folder`, under the links `top`."""
    text = re.sub(r"<!--.*?-->\n?", "", (ROOT / source).read_text(encoding="utf-8"), flags=re.DOTALL)
    language = language_of(source)
    body = pages.fit_for_a_phone(
        MarkdownWithMath(renderer=DocumentRenderer(source=source, language=language, escape=False)).render(text))
    page = pages.template("notebook.html.j2").render(
        language=language, words=languages.WORDS[language], title=re.search(r"^# (.+)$", text, re.MULTILINE)[1],
        style=pages.style(), cells=body, top=top,
        contents=[heading for heading in pages.contents(body) if heading[0] == 2], script=pages.script())
    (folder / PAGES[source]).write_text(pages.with_hangul(page), encoding="utf-8")


def language_of(source):
    """The language of a document, which its name ends with unless it is English."""
    return "ko" if source.endswith(".ko.md") else "en"


def page_of(path):
    """The page of a file of the repository, both as seen from their folders; None if it has none."""
    notebook = re.fullmatch(r"notebooks/((?:ko/)?\w+)\.ipynb", path)
    return f"notebooks/{notebook[1]}.html" if notebook else PAGES.get(path)


@functools.cache
def slides(language):
    """dict "3/formula" -> the address of that slide."""
    return {f"{number}/{slide.name}": f"slides/{language}/{name}.html#{slide.name}"
            for number, name in enumerate(deck_names(), start=1) for slide in read_deck(name, language).slides}


def anchor(text):
    """What GitHub makes of a heading's text."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


class DocumentRenderer(pages.PageRenderer):
    """Markdown of a document as HTML of its page; documents repeat no heading."""

    def __init__(self, source, language, **settings):
        super().__init__(language, **settings)
        self.folder, self.slides = posixpath.dirname(source), slides(language)
        self.glossary = f"{languages.folder(pathlib.PurePosixPath(), language)}/glossary.html"

    def heading(self, text, level, **_):
        place = anchor(html.unescape(re.sub("<[^>]+>", "", text)))
        link = f'<a class="anchor-link" href="#{place}" aria-label="{place}">¶</a>' if level > 1 else ""
        return f'<h{level} id="{place}">{text}{link}</h{level}>\n'

    def address(self, url):
        if "://" in url or url.startswith("#"):
            return url
        path, mark, place = url.partition("#")
        path = posixpath.normpath(posixpath.join(self.folder, path))
        if path == "docs/GLOSSARY.md":      # one file in both languages, which has a page in each
            return self.glossary
        return (page_of(path) or file_address(path, repository_address())) + mark + place

    def codespan(self, text):
        code = super().codespan(text)
        return f'<a href="{self.slides[text]}">{code}</a>' if text in self.slides else code
