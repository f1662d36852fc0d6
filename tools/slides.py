"""Builds the lecture decks: `python3 course.py slides`, or `python3 course.py slides 03` for one of them.

Each deck becomes one HTML file for each language in build/slides/, and, where Chromium is installed, a PDF. All figures
are drawn here and now, from the embedded data, so that every computer builds the same decks.
"""
import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from tqdm import tqdm

import lecture_utils.quiet  # noqa: F401  TensorFlow, without the log lines it writes while it loads

from .decks import code, figures, page, run_sheet
from .decks.languages import LANGUAGES
from .decks.references import slides_of_references
from .decks.source import ROOT, deck_names, faults, mark_translated, read_deck
from .notebooks import pages
from .notebooks.execute import embedded_environment
from .notebooks.output_folder import make_ready, not_written

BUILD = ROOT / "build" / "slides"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
            r"C:\Program Files\Google\Chrome\Application\chrome.exe",
            r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe")
NO_BROWSER = ("No PDFs: they need Chromium, Chrome or Edge, and none was found. Install one and run this command again, "
              "or open a deck in any browser and print it into a file.")


def main():
    arguments = parse_arguments()
    names = [find_deck(name) for name in arguments.decks] or deck_names()
    if arguments.translated and arguments.sheet:
        run_sheet.mark_translated(arguments.language)
        return 0
    if arguments.translated:
        for name in names:
            mark_translated(name, arguments.language)
        return 0
    make_ready(BUILD)
    browser = find_browser()
    try:
        with tempfile.TemporaryDirectory() as empty_folder:
            os.environ.update(embedded_environment(empty_folder))
            for name in names:
                build(name, browser)
        write_index()
    except OSError as error:
        not_written(BUILD, error)
    print(f"The decks are in {BUILD}. Open {(BUILD / 'index.html').as_uri()}" + ("" if browser else f"\n{NO_BROWSER}"))
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(prog="course.py slides", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decks", nargs="*", metavar="deck",
                        help="a number or a name such as 03_grad_cam_mnist; all, if none is named")
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


def find_browser():
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def build(name, browser):
    """Write one deck in every language, as HTML and PDF."""
    began = time.monotonic()
    for fault in faults(name):
        print(f"  note: {fault}", file=sys.stderr)
    for line in (line for slide in read_deck(name, "en").slides for line in slide.quotes):
        code.quoted(line)  # what can't be quoted is better said before the figures are drawn
    module, wordless = figures.load_figures(name), {}
    for language in LANGUAGES:
        deck = completed(read_deck(name, language), module)
        pictures = draw_all(deck, module, wordless)
        path = BUILD / language / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page.page(deck, pictures), encoding="utf-8")
        if browser:
            print_pdf(browser, path)
    print(f"{name:<28}{len(deck.slides):3} slides {deck.minutes:3} minutes   built in {time.monotonic() - began:.0f} s",
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


def completed(deck, module):
    """The deck as it is shown: its numbers filled in, and what it cites listed at its end."""
    deck = filled_in(deck, module)
    return dataclasses.replace(deck, slides=deck.slides + slides_of_references(deck))


def filled_in(deck, module):
    """The deck with every {{name}} of its texts replaced: by its minutes, or by a number that the figures' module returns."""
    def fill(text):
        return re.sub(r"\{\{(\w+)\}\}", lambda match: page.lasting(deck) if match[1] == "minutes" else
                      str(getattr(module, match[1])()), text)

    slides = [dataclasses.replace(slide, heading=fill(slide.heading), body=fill(slide.body), notes=fill(slide.notes))
              for slide in deck.slides]
    return dataclasses.replace(deck, slides=slides)


def print_pdf(browser, path):
    """Print a deck into a PDF beside it, one page a slide."""
    pdf = path.with_suffix(".pdf")
    command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={pdf}", path.as_uri()]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # as root, in a container, Chromium runs in no other way
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode or not pdf.is_file():
        sys.exit(f"{browser} could not print {path.name}:\n{result.stderr[-600:]}")


def write_index():
    """Write the list of the decks that are built."""
    built = [[read_deck(name, language) for language in LANGUAGES if (BUILD / language / f"{name}.html").is_file()]
             for name in deck_names()]
    printed = {path.relative_to(BUILD).with_suffix("").as_posix() for path in BUILD.glob("*/*.pdf")}
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "index.html").write_text(pages.template("decks.html.j2", page.TEMPLATE).render(
        title="How a CNN decides, seen: the lecture", style=pages.style(), built=filter(None, built), printed=printed,
        languages=LANGUAGES),
        encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
