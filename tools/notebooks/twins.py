"""Documents that are kept in two languages, section by section: NAME.md, and beside it NAME.ko.md.

A section is a heading, `# ...` or `## ...`, and what stands below it. A translated section has its own heading and below it a
comment that names the English one, with the hash of the text that it translates:

    ## 명령 두 개
    <!-- section Two commands, of 1a2b3c4d -->

Who changes an English section makes its twins out of date, and `faults` says so. What `course.py stamp` writes does not
count: it is stamped into every language.
"""
import hashlib
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "docs/capstone.md")       # the run-sheet is one, too: tools/decks/run_sheet.py
HEADING = re.compile(r"^##? (.+)$", re.MULTILINE)
MARK = re.compile(r"^<!-- section (?P<name>.+), of (?P<of>[0-9a-f]{8}) -->$", re.MULTILINE)
STAMPED = re.compile(r"<!-- stamp: \w+ -->.*?<!-- /stamp -->", re.DOTALL)


def twin(document, language):
    """The translation of a document, as the repository names both: docs/capstone.md, docs/capstone.ko.md."""
    return re.sub(r"\.md$", f".{language}.md", document)


def document_faults(document, language, root=ROOT):
    """What keeps a document's translation from being the English one: sentences, none if all is well."""
    own = twin(document, language)
    return faults(root / document, root / own, own, f"stamp --translated {document}")


def mark_document_translated(document, language, root=ROOT):
    """Write into a document's translation that it translates the English as it now is."""
    mark_translated(root / document, root / twin(document, language))


def hashes(text):
    """A dict heading -> eight digits that change with anything in that section that a reader would notice."""
    found = HEADING.split(STAMPED.sub("", text))[1:]
    sections = dict(zip(found[::2], found[1::2], strict=True))
    return {heading: hashlib.sha256(re.sub(r"\s+", " ", f"{heading}\n{section}").strip().encode()).hexdigest()[:8]
            for heading, section in sections.items()}


def faults(english, own, name, command):
    """The same for two files; `name` is what the translation is called, `command` of course.py notes that it is up to date."""
    if not own.is_file():
        return [f"{name} is missing."]
    now, text = hashes(english.read_text(encoding="utf-8")), own.read_text(encoding="utf-8")
    marked, headings = MARK.findall(text), HEADING.findall(text)
    if [section for section, _ in marked] != list(now) or len(marked) != len(headings):
        return [f"{name}: the sections are not in step. English: {', '.join(now)}. Here {len(headings)} headings, "
                f"with marks for {', '.join(section for section, _ in marked)}."]
    return [f"{name}, section {section}: it translates an older English text ({of}, now {now[section]}). Bring it up to "
            f"date; `python3 course.py {command}` then notes so." for section, of in marked if of != now[section]]


def mark_translated(english, own):
    """Write into the file `own` that each of its sections translates the one of `english` as it now is."""
    now = hashes(english.read_text(encoding="utf-8"))

    def marked(mark):
        if mark["name"] not in now:
            raise ValueError(f"{own.name} translates a section '{mark['name']}', which {english.name} lacks; "
                             f"it has {', '.join(now)}.")
        return f"<!-- section {mark['name']}, of {now[mark['name']]} -->"

    own.write_text(MARK.sub(marked, own.read_text(encoding="utf-8")), encoding="utf-8")
