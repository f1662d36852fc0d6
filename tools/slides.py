"""Builds the lecture decks: `python3 course.py slides`, or `python3 course.py slides 03` for one of them.

Each deck becomes one HTML file for each language in build/slides/, and, where Chromium is installed, three PDFs: the slides,
a handout with the notes, and one with blanks in the place of answers. `--talk hour` composes a talk of slides of several
decks. All figures are drawn here and now, from the embedded data, so that every computer builds the same decks.
"""
import argparse
import dataclasses
import os
import re
import sys
import tempfile
import time

from tqdm import tqdm

import lecture_utils.quiet  # noqa: F401  TensorFlow, without the log lines it writes while it loads

from .decks import code, figures, page, run_sheet
from .decks.languages import LANGUAGES
from .decks.printing import find_browser, print_pdfs
from .decks.references import with_references
from .decks.source import ROOT, deck_names, faults, mark_translated, read_deck
from .decks.talks import compose, outline, read_talk, talk_names
from .notebooks import pages
from .notebooks.execute import embedded_environment
from .notebooks.output_folder import make_ready, not_written

BUILD = ROOT / "build" / "slides"
PRINTS = {"": "", "_notes": "?print=notes", "_blanks": "?print=blanks"}  # what a PDF's name ends in, its page's parameters
NO_BROWSER = ("No PDFs: they need Chromium, Chrome or Edge, and none was found. Install one and run this command again, "
              "or open a deck in any browser and print it into a file.")


def main():
    arguments = parse_arguments()
    if arguments.translated and arguments.sheet:
        run_sheet.mark_translated(arguments.language)
        return 0
    names = [find_deck(name) for name in arguments.decks]
    if arguments.translated:
        for name in names or deck_names():
            mark_translated(name, arguments.language)
        return 0
    talks = [find_talk(name) for name in arguments.talk]
    if not names and not talks:
        names, talks = deck_names(), talk_names()
    build_all(names, talks)
    return 0


def build_all(names, talks):
    """Build these decks and talks in every language, print them where a browser is found, and list them."""
    make_ready(BUILD)
    browser = find_browser()
    try:
        with tempfile.TemporaryDirectory() as empty_folder:
            os.environ.update(embedded_environment(empty_folder))
            finished = {name: build(name) for name in names}
            for talk in talks:
                build_talk(talk, finished)
        if browser:
            print_all(browser, [*names, *talks])
        write_index()
    except OSError as error:
        not_written(BUILD, error)
    except RuntimeError as error:
        sys.exit(str(error))
    print(f"The decks are in {BUILD}. Open {(BUILD / 'index.html').as_uri()}" + ("" if browser else f"\n{NO_BROWSER}"))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="course.py slides", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decks", nargs="*", metavar="deck",
                        help="a number or a name such as 03_grad_cam_mnist; all, if none is named")
    parser.add_argument("--talk", action="append", default=[], metavar="name", help=f"a talk: {', '.join(talk_names())}")
    parser.add_argument("--translated", action="store_true",
                        help="for translators: build nothing; note that the Korean slides are up to date with the English ones")
    parser.add_argument("--sheet", action="store_true", help="with --translated: not the slides, but the run-sheet")
    parser.add_argument("--language", default="ko", choices=[*LANGUAGES][1:], help="with --translated: not the Korean slides")
    return parser.parse_args()


def find_deck(name):
    matches = [one for one in deck_names() if one == name or name.isdigit() and one.startswith(f"{int(name):02d}_")]
    if not matches:
        sys.exit(f"There is no deck '{name}'. There are {', '.join(deck_names())}.")
    return matches[0]


def find_talk(name):
    if name not in talk_names():
        sys.exit(f"There is no talk '{name}'. There are {', '.join(talk_names())}.")
    return name


def build(name):
    """Write one deck in every language; what `finish` gives."""
    began = time.monotonic()
    for fault in faults(name):
        print(f"  note: {fault}", file=sys.stderr)
    finished = finish(name)
    for deck, pictures in finished.values():
        write(deck, pictures)
    report(deck, began)
    return finished


def build_talk(talk, finished):
    """Write a talk in every language, with the slides of decks as they are `finished`; other decks' are drawn for it."""
    began, (_, entries) = time.monotonic(), read_talk(talk)
    wanted = {entry.deck: [one.slide for one in entries if one.deck == entry.deck] for entry in entries}
    linked = {path.stem for path in (BUILD / "en").glob("*.html")}
    parts = {name: finished.get(name) or finish(name, slides) for name, slides in wanted.items()}
    for language in LANGUAGES:
        deck = compose(talk, language, {name: part[language][0] for name, part in parts.items()}, linked)
        write(deck, {(entry.name, function): picture for entry in entries
                     for (slide, function), picture in parts[entry.deck][language][1].items() if slide == entry.slide})
    report(deck, began)


def finish(name, only=None):
    """For each language (the deck filled in, its pictures), of all its slides or `only` those with these names."""
    module, wordless = figures.load_figures(name), {}
    decks = [read_deck(name, language) for language in LANGUAGES]
    if only:
        decks = [dataclasses.replace(deck, slides=[one for one in deck.slides if one.name in only]) for deck in decks]
    for line in (line for slide in decks[0].slides for line in slide.quotes):
        code.quoted(line)  # what can't be quoted is better said before the figures are drawn
    return {deck.language: (with_references(filled_in(deck, module)), draw_all(deck, module, wordless)) for deck in decks}


def write(deck, pictures):
    path = BUILD / deck.language / f"{deck.name}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.page(deck, pictures), encoding="utf-8")


def report(deck, began):
    print(f"{deck.name:<28}{len(deck.slides):3} slides {deck.minutes:3} minutes   built in {time.monotonic() - began:.0f} s",
          flush=True)


def draw_all(deck, module, wordless):
    """The pictures of a deck, as `page.page` wants them; `wordless` keeps those that serve the other languages as well."""
    wanted, pictures = [(slide, *figure) for slide in deck.slides for figure in slide.figures], {}
    for slide, _, function, height in tqdm(wanted, f"{deck.name} {deck.language}: figures", leave=False, disable=None):
        box = page.box(slide, height)
        picture = wordless.get((function, box)) or figures.draw(getattr(module, function), deck.language, box)
        if not picture.has_words:
            wordless[function, box] = picture
        pictures[slide.name, function] = picture
    return pictures


def filled_in(deck, module):
    """The deck with every {{name}} of its texts replaced: by its minutes, or by a number that the figures' module returns."""
    def fill(text):
        return re.sub(r"\{\{(\w+)\}\}", lambda match: page.lasting(deck) if match[1] == "minutes" else
                      str(getattr(module, match[1])()), text)

    slides = [dataclasses.replace(slide, heading=fill(slide.heading), body=fill(slide.body), notes=fill(slide.notes))
              for slide in deck.slides]
    return dataclasses.replace(deck, slides=slides)


def print_all(browser, names):
    """Print these decks, in every language, into the PDFs of `PRINTS` beside them."""
    jobs = [(f"{path.as_uri()}{asked}", path.with_name(f"{name}{ending}.pdf"))
            for name in names for language in LANGUAGES for path in [BUILD / language / f"{name}.html"]
            for ending, asked in PRINTS.items()]
    print_pdfs(browser, tqdm(jobs, "PDFs", leave=False, disable=None))


def write_index(path=None, top=()):
    """Write the list of the talks and decks that are built, as the page `path` or beside them, under the links `top`."""
    decks = [[listed(deck, page.lasting(deck)) for deck in (read_deck(name, language) for language in LANGUAGES)]
             for name in deck_names() if is_built(name)]
    talks = [[listed(talk, page.lasting(talk)) for talk in (outline(name, language) for language in LANGUAGES)]
             for name in talk_names() if is_built(name)]
    BUILD.mkdir(parents=True, exist_ok=True)
    index = pages.template("decks.html.j2", page.TEMPLATE).render(
        title="How a CNN decides, seen: the lecture", style=pages.style(), groups=[talks, decks], languages=LANGUAGES, top=top)
    (path or BUILD / "index.html").write_text(pages.with_hangul(index), encoding="utf-8")


def is_built(name):
    return all((BUILD / language / f"{name}.html").is_file() for language in LANGUAGES)


def listed(deck, lasting):
    """What the list says of a deck in one language: its language, title, address, PDFs and how long it lasts."""
    address = f"{deck.language}/{deck.name}"
    pdfs = {ending: f"{address}{ending}.pdf" for ending in PRINTS if (BUILD / f"{address}{ending}.pdf").is_file()}
    return {"language": deck.language, "title": deck.title, "address": f"{address}.html", "pdfs": pdfs, "lasting": lasting}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
