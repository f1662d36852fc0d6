"""Writes what is stated in one place into every place that repeats it: `python3 course.py stamp`.

The repository's address stands in pyproject.toml ([project.urls] Repository). From there it goes into the bootstrap
cell and the launch badge of every notebook, and into README.md, whose link to the published site follows from it, and
CITATION.cff. The course map in README.md is
written from the notebooks' title cells, its pictures from their figures; docs/GLOSSARY.md from docs/glossary.toml; how
many notebooks and decks there are, the run-sheet's list of the decks, and the places that the form for issues offers, from
the folders that hold them.
`stamp --check` changes nothing, names the files that differ, and refuses the placeholder that stands for the address
until there is one.
"""
import argparse
import html
import io
import json
import pathlib
import re
import sys
import urllib.parse

import nbformat
from PIL import Image, ImageChops

from .decks import run_sheet
from .decks.languages import LANGUAGES
from .decks.source import deck_names, read_deck
from .notebooks import glossary, languages, notebook_paths, translation, twins
from .notebooks.begin import is_placeholder
from .notebooks.bootstrap_cell import FOLDED, bootstrap_cell, colab_badge
from .notebooks.pages import thumbnail
from .notebooks.repository import repository_address, site_address
from .notebooks.title_cell import promise, thumbnail_figure, title, title_table
from .website import ruler
from .website.texts import TEXTS

ROOT = pathlib.Path(__file__).resolve().parents[1]
PICTURES = "docs/pictures"  # of README.md, one for each notebook, and in a folder each those of the other languages
PICTURE_WIDTH = 640
COVER_WIDTH = 766    # as wide as README.md is shown
COVER = "ruler.png"  # the picture that opens README.md
OTHER_PLACES = ("the lecture", "the explorer", "python3 course.py", "something else")  # in the form for issues


def stamped_texts(root):
    """What each stamped file should hold: a dict path -> text, with only those that differ from what they do hold."""
    address = repository_address(root)
    texts = {path: stamped_notebook(path, address, root) for path in notebook_paths(root / "notebooks")}
    texts |= translations(root)
    texts[root / "README.md"] = with_sections(root / "README.md", readme_sections(root, address, "en"))
    if (own := root / "README.ko.md").is_file():
        texts[own] = with_sections(own, readme_sections(root, address, "ko"))
    sheets = {language: run_sheet.sheet(language, root / "slides") for language in LANGUAGES}
    texts |= {sheet: with_sections(sheet, {"decks": deck_table(root, language)})
              for language, sheet in sheets.items() if sheet.is_file()}
    texts[root / "classroom" / "README.md"] = with_sections(root / "classroom" / "README.md", {
        "littlest": littlest(address), "image": image(address), "link": link(address)})
    texts[root / "CITATION.cff"] = with_value(root / "CITATION.cff", "repository-code", address)
    texts[root / "classroom" / "zero-to-jupyterhub.yaml"] = with_value(
        root / "classroom" / "zero-to-jupyterhub.yaml", "COURSE_REPOSITORY", address)
    texts[root / "docs" / "GLOSSARY.md"] = glossary.table()
    form = root / ".github" / "ISSUE_TEMPLATE" / "problem.yml"
    texts[form] = with_places(form, root)
    return {path: text for path, text in texts.items() if not path.is_file() or text != path.read_text(encoding="utf-8")}


def stamped_pictures(root):
    """The pictures of README.md: a dict path -> PNG, with only those that are missing or look different."""
    pictures = {}
    for language in languages.LANGUAGES:
        for path in notebook_paths(languages.folder(root, language)):
            figure = thumbnail_figure(nbformat.read(path, as_version=4))
            if figure:
                pictures[root / picture_folder(language) / f"{path.stem}.png"] = thumbnail(figure[0], PICTURE_WIDTH)
    if has_case(root):
        pictures[root / PICTURES / COVER] = ruler.cover()
    return {path: png for path, png in pictures.items() if not path.is_file() or differ(png, path.read_bytes())}


def picture_folder(language):
    """Where the pictures of a language's notebooks lie, seen from the repository's folder."""
    return PICTURES if language == languages.LANGUAGES[0] else f"{PICTURES}/{language}"


def differ(png, other):
    """Whether two pictures have other pixels; their files may differ with the computer's compression."""
    one, two = (Image.open(io.BytesIO(file)).convert("RGB") for file in (png, other))
    return one.size != two.size or ImageChops.difference(one, two).getbbox() is not None


def stamped_notebook(path, address, root):
    """The notebook's text with its badge and its bootstrap cell in place; unchanged text if they are there."""
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.writes(notebook)
    badge = colab_badge(address, path.relative_to(root).as_posix())
    notebook.cells[0].source = with_badge(notebook.cells[0].source, badge)
    tagged = [cell for cell in notebook.cells if "bootstrap" in cell.metadata.get("tags", [])]
    if not tagged:
        tagged = [nbformat.v4.new_code_cell(id="bootstrap")]
        notebook.cells.insert(1, tagged[0])
    tagged[0].source, tagged[0].metadata = bootstrap_cell(address), nbformat.from_dict(FOLDED)
    after = nbformat.writes(notebook)
    return after + "\n" if after != before else path.read_text(encoding="utf-8")


def translations(root):
    """The notebooks of the other languages: a dict path -> text, those left out whose prose is missing or out of date.

    (tests/test_translations.py says of each what is wrong.)
    """
    texts = {}
    for language in languages.LANGUAGES[1:]:
        for path in notebook_paths(root / "notebooks"):
            if not translation.faults(path, language):
                notebook = translation.renewed(path, language)
                texts[languages.folder(root, language) / path.name] = nbformat.writes(notebook) + "\n"
    return texts


def with_badge(source, badge):
    """The title cell with its badge line replaced, or added before the table."""
    source = re.sub(r"^\[!\[Open in Colab\].*\n*", "", source, flags=re.MULTILINE)
    text, table, rest = source.partition("\n|")
    return f"{text.rstrip()}\n\n{badge}\n{table}{rest}".rstrip()


def with_value(path, key, value):
    """The YAML text at `path` with the value of `key` replaced."""
    return re.sub(rf"^(\s*{key}:).*$", rf"\1 {value}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def with_places(path, root):
    """The form for issues with the notebooks and the other parts of the course as the places to choose from."""
    places = [title(nbformat.read(notebook, as_version=4)) for notebook in notebook_paths(root / "notebooks")]
    options = "".join(f"        - {json.dumps(place, ensure_ascii=False)}\n" for place in (*places, *OTHER_PLACES))
    return re.sub(r"(options:  # stamped\n)(?: +- .*\n)+", lambda match: match[1] + options, path.read_text(encoding="utf-8"))


def with_sections(path, sections):
    """The Markdown text at `path` with what stands between <!-- stamp: NAME --> and <!-- /stamp --> replaced.

    The marks stand on lines of their own, or both within one line.
    """
    text = path.read_text(encoding="utf-8")
    for name, section in sections.items():
        text = with_section(text, name, section)
    return text


def with_section(text, name, section):
    return re.sub(rf"(<!-- stamp: {name} -->)(\n?).*?(<!-- /stamp -->)",
                  lambda mark: mark[1] + mark[2] + section + mark[2] + mark[3], text, flags=re.DOTALL)


# ---- the sections of README.md, classroom/README.md and slides/INSTRUCTOR.md


def in_words(number):
    """A number as a sentence has it: in letters up to twelve."""
    return "no one two three four five six seven eight nine ten eleven twelve".split()[number] if number <= 12 else str(number)


def deck_table(root, language):
    """The run-sheet's list of the decks: what each is about, its minutes on both ways, slides and notebooks."""
    words = run_sheet.WORDS[language]
    rows = [words["head"], "|---|---|---|---|---|"]
    for number, name in enumerate(deck_names(root / "slides"), start=1):
        deck = read_deck(name, language, root / "slides")
        of_notebooks, _, about = deck.title.partition(" · ")        # "7 and 8 · Trust"
        heading = words["deck"].format(number)
        short = deck.short_minutes if deck.short_minutes < deck.minutes else "—"
        rows.append(f"| [{heading}](#{heading.lower().replace(' ', '-')}) · {about} | {deck.minutes} | {short} "
                    f"| {len(deck.slides)} | {', '.join(re.findall('[0-9]+', of_notebooks))} |")
    return "\n".join(rows)


def readme_sections(root, address, language):
    """What is stamped into README.md, or into the README of another language: a dict name -> text."""
    counted = in_words if language == "en" else str
    return {"cover": cover(root, language), "claim": claim(root, language), "site": site(address, language),
            "badges": badges(root, address, language), "clone": clone(address, language),
            "map": course_map(root, address, language),
            "notebooks": counted(len(notebook_paths(root / "notebooks"))), "decks": counted(len(deck_names(root / "slides")))}


def badges(root, address, language):
    repository = address.removeprefix("https://github.com/")
    place = languages.folder(root, language).relative_to(root).as_posix()
    first = next((path.name for path in notebook_paths(root / "notebooks")), "")
    return "\n".join([
        colab_badge(address, f"{place}/{first}", language),
        "[![Open in Binder](https://mybinder.org/badge_logo.svg)]"
        f"(https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/{place})"])


def littlest(address):
    """How The Littlest JupyterHub gets the course."""
    course = "/opt/cnn-visual-explanations"
    return "\n".join([
        "```", f"sudo git clone {address} {course}", f"sudo git config --system --add safe.directory {course}",
        f"sudo -E /opt/tljh/user/bin/python -m pip install {course}",
        f"sudo ln -s {course}/classroom/course_hub.py /opt/tljh/config/jupyterhub_config.d/",
        "sudo tljh-config set services.cull.timeout 3600", "sudo tljh-config reload hub", "```"])


def image(address):
    """How an image for Kubernetes is made of the course."""
    return ("```\npip install jupyter-repo2docker\n"
            "repo2docker --no-run --user-id 1000 --user-name jovyan --target-repo-dir /srv/course "
            f"--image-name REGISTRY/cnn-visual-explanations:1.0.0 {address}\n```")


def link(address):
    """The nbgitpuller link of a class: it clones the course into the student's home, later brings it up to date."""
    folder = address.rsplit("/", 1)[1]
    query = urllib.parse.urlencode({"repo": address, "branch": "main", "urlpath": f"lab/tree/{folder}/notebooks"})
    return f"```\nhttps://YOUR-HUB/hub/user-redirect/git-pull?{query}\n```"


def clone(address, language):
    folder = address.rsplit("/", 1)[1]
    run = "python3 course.py run" if language == "en" else f"python3 course.py run --lang {language}"
    return f"```\ngit clone {address}\ncd {folder}\n{run}\npython3 course.py test\n```"


def course_map(root, address, language):
    """The table of the notebooks: picture, title with launch badge, what one learns, minutes."""
    wide = "&nbsp;" * 36  # GitHub makes a column as narrow as its text, and shrinks the pictures in it
    words = languages.WORDS[language]
    rows = [f"| {wide} | {words['map']} |", "|---|---|---|---|"]
    for path in notebook_paths(languages.folder(root, language)):
        notebook = nbformat.read(path, as_version=4)
        name, table = path.relative_to(root).as_posix(), title_table(notebook)
        learn = table.get(words["able"], promise(notebook))
        rows.append(f"| {picture(path, language, 180)} | [{title(notebook)}]({name})<br>{colab_badge(address, name, language)} "
                    f"| {learn} | {table.get(words['facts']['minutes'], '')} |")
    return "\n".join(rows)


def picture(path, language, width):
    """HTML of the picture that stands for the notebook at `path`; nothing while it has none."""
    figure = thumbnail_figure(nbformat.read(path, as_version=4))
    return image_tag(f"{picture_folder(language)}/{path.stem}.png", width, figure[1]) if figure else ""


def cover(root, language):
    """HTML of the picture that tells the course in one look; nothing without the notebook that it comes from."""
    alt = ruler.ALT_KO if language == "ko" else ruler.ALT
    return image_tag(f"{PICTURES}/{COVER}", COVER_WIDTH, alt) if has_case(root) else ""


def has_case(root):
    return (root / "notebooks" / f"{ruler.NOTEBOOK}.ipynb").is_file()


def claim(root, language):
    """What that picture shows, in a sentence whose number the notebook prints."""
    return TEXTS[language]["claim"].format(accuracy=f"{ruler.accuracy():.0f}") if has_case(root) else ""


def site(address, language):
    """Where the course is published as a site: in the reader's language, then in the other."""
    start = site_address(address)
    links = {"en": f"**[Read it and try it in your browser]({start})**, with nothing to install: explorer, notebooks, slides.",
             "ko": f"**[브라우저에서 바로 보기]({start}ko.html)**: 설치 없이 탐색기와 노트북, 강의 슬라이드를 볼 수 있습니다."}
    return "\\\n".join([links.pop(language), *links.values()])


def image_tag(address, width, alt):
    return f'<img src="{address}" width="{width}" alt="{html.escape(alt)}">'


def main():
    parser = argparse.ArgumentParser(prog="course.py stamp", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; name the files that differ")
    parser.add_argument("--translated", choices=twins.DOCUMENTS, metavar="document",
                        help=f"for translators: stamp nothing; note that the Korean {' or '.join(twins.DOCUMENTS)} is up to date")
    arguments = parser.parse_args()
    if arguments.translated:
        twins.mark_document_translated(arguments.translated, "ko", ROOT)
        return
    check = arguments.check
    differing = stamped_pictures(ROOT) | {path: text.encode() for path, text in stamped_texts(ROOT).items()}
    for path, content in differing.items():
        print(f"{'differs' if check else 'stamped'}: {path.relative_to(ROOT).as_posix()}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    if check and differing:
        sys.exit("Run `python3 course.py stamp`.")
    address = repository_address(ROOT)
    if is_placeholder(address):
        said = (f"{address} is only a placeholder, which anybody may own: write the course's address into pyproject.toml "
                "([project.urls] Repository) and run `python3 course.py stamp`, before anyone opens a notebook in Colab.")
        sys.exit(said) if check else print(said)
    elif not differing:
        print(f"All files carry {address}.")


if __name__ == "__main__":
    main()
