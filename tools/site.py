"""Builds the course as a site without a server: `python3 course.py site` writes it into build/site/.

It holds the start page, the notebooks as pages (with the outputs that are committed), the glossary, the run-sheet, how the
capstone is graded, the explorer, and the lecture's decks, which take the longest. Everything in it opens by double click or from
any web server, and asks no other for anything.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import nbformat

import lecture_utils.quiet  # noqa: F401  (before anything that loads TensorFlow)

from . import slides
from .decks.source import ROOT, deck_names, read_deck
from .explorer.build import build as build_explorer
from .notebooks import notebook_paths, pages
from .notebooks.execute import embedded_environment
from .notebooks.languages import LANGUAGES
from .notebooks.languages import folder as place
from .notebooks.output_folder import make_ready, not_written
from .notebooks.pages import Link
from .website.documents import PAGES, language_of, write_document
from .website.links import broken
from .website.start import write_start
from .website.texts import TEXTS

BUILD = ROOT / "build" / "site"
STATEFUL = ("explorer/index.html",)     # what stands behind # in its address is a state, and no place


def main():
    argparse.ArgumentParser(prog="course.py site", description=__doc__,
                            formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    shutil.rmtree(BUILD, ignore_errors=True)
    make_ready(BUILD)
    try:
        with tempfile.TemporaryDirectory() as empty_folder:
            os.environ.update(embedded_environment(empty_folder))
            faults = build(BUILD)
    except OSError as error:
        not_written(BUILD, error)
    print(f"\n{sizes(BUILD)}\nThe site is in {BUILD}. Open {(BUILD / 'index.html').as_uri()}")
    for fault in faults:
        print(f"BROKEN  {fault}", file=sys.stderr)
    return 1 if faults else 0


def build(folder):
    """Write the site into `folder`, which is empty, and return what is broken in it: sentences, none if all is well."""
    notebooks = {language: [(path.stem, nbformat.read(path, as_version=4)) for path in notebook_paths(place(ROOT, language))]
                 for language in LANGUAGES}
    for part, write in {"notebooks": lambda: [write_notebooks(folder, *each) for each in notebooks.items()],
                        "documents": lambda: write_documents(folder),
                        "explorer": lambda: build_explorer(folder / "explorer"),
                        "decks": lambda: write_decks(folder / "slides"),
                        "start page": lambda: write_start(folder, notebooks)}.items():     # last: it links to what was printed
        began = time.monotonic()
        write()
        print(f"{part:<12}{time.monotonic() - began:5.0f} s", flush=True)
    return broken(folder, STATEFUL)


def write_notebooks(folder, language, notebooks):
    """The notebooks of a language and the glossary as pages of `folder`/notebooks, or of the language's folder in it."""
    own, up = place(folder, language), "../" if language == LANGUAGES[0] else "../../"
    own.mkdir()
    for (name, notebook), (before, after) in zip(notebooks, pages.neighbours(notebooks), strict=True):
        pages.write_page(notebook, own / f"{name}.html", top_of(name, up, language), before, after)
    pages.write_glossary(own / "glossary.html", house(up, language, "glossary"), language)


def house(up, language="en", notebook=None, twin=None):
    """The links above every page of the site; `up` leads from the page to the site's folder.

    notebook: the name of a page that lies among the notebooks of each language; twin: the page that says the same in the other
    language, seen from the site's folder; without either it is the other language's start page.
    """
    words, other = TEXTS[language], "en" if language == "ko" else "ko"
    start, explorer, slides, glossary = words["links"]
    twin = f"{notebook_folder(other)}/{notebook}.html" if notebook else twin or TEXTS[other]["file"]
    return (Link(start, up + words["file"], language), Link(words["other"], up + twin, other),
            Link(explorer, f"{up}explorer/index.html#lang={language}", language),
            Link(slides, f"{up}slides/index.html", language),
            Link(glossary, f"{up}{notebook_folder(language)}/glossary.html", language))


def notebook_folder(language):
    """Where the notebooks of a language lie in the site, seen from its folder."""
    return place(pathlib.PurePosixPath(), language).as_posix()


def top_of(name, up, language):
    """The links above a notebook's page: the house's, with its own decks in place of all."""
    start, other, explorer, _, words = house(up, language, name)
    decks = (Link(TEXTS[language]["deck"].format(number=number), f"{up}slides/{language}/{deck}.html", language)
             for number, deck in enumerate(deck_names(), start=1) if int(name[:2]) in notebooks_of(deck))
    return (start, other, explorer, *decks, words)


def notebooks_of(deck):
    """The numbers of the notebooks that a deck belongs to, which begin its title: "7 and 8 · Trust"."""
    numbers = read_deck(deck, "en").title.partition(" · ")[0]
    return [int(word) for word in numbers.replace(",", " ").split() if word.isdigit()]


def write_documents(folder):
    for source in PAGES:
        if PAGES[source].count("/") == 0:
            language = language_of(source)
            twin = source.replace(".ko.md", ".md") if language == "ko" else source.replace(".md", ".ko.md")
            write_document(source, folder, house("", language, twin=PAGES[twin]))


def write_decks(folder):
    """Build the decks, in a process of their own that shows how far it is, and copy them into `folder`."""
    subprocess.run([sys.executable, "-m", "tools.slides"], cwd=ROOT, check=True)
    shutil.copytree(slides.BUILD, folder)
    slides.write_index(folder / "index.html", house("../"))


def sizes(folder):
    """How large the site is, and what weighs how much in it: a few lines."""
    parts = {part: bytes_of(part) for part in sorted(folder.iterdir())}
    lines = [f"{part.name:<20}{size / 1e6:7.1f} MB" for part, size in parts.items()]
    return "\n".join([*lines, f"{'in all':<20}{sum(parts.values()) / 1e6:7.1f} MB"])


def bytes_of(path):
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError:
        sys.exit("The decks could not be built; what is wrong stands above.")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
