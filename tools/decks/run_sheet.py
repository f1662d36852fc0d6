"""The run-sheet for the instructor: slides/INSTRUCTOR.md, and its translations slides/INSTRUCTOR.xx.md.

A section is a heading, `# ...` or `## ...`, and what stands below it. A translated section has its own heading and below it a
comment that names the English one, with the hash of the text that it translates:

    ## 1강
    <!-- section Deck 1, of 1a2b3c4d -->

Who changes an English section makes its twins out of date, and `faults` says so. What `course.py stamp` writes does not
count: it is stamped into every language.
"""
import hashlib
import re

from .source import SOURCES

HEADING = re.compile(r"^##? (.+)$", re.MULTILINE)
MARK = re.compile(r"^<!-- section (?P<name>.+), of (?P<of>[0-9a-f]{8}) -->$", re.MULTILINE)
STAMPED = re.compile(r"<!-- stamp: \w+ -->.*?<!-- /stamp -->", re.DOTALL)
WORDS = {  # of the table of the decks, which `course.py stamp` writes
    "en": {"deck": "Deck {}", "head": "| | minutes | short way | slides | notebook |"},
    "ko": {"deck": "{}강", "head": "| | 분 | 짧은 진행 | 슬라이드 | 노트북 |"},
}


def sheet(language, sources=None):
    return (sources or SOURCES) / ("INSTRUCTOR.md" if language == "en" else f"INSTRUCTOR.{language}.md")


def hashes(text):
    """A dict heading -> eight digits that change with anything in that section that an instructor would notice."""
    found = HEADING.split(STAMPED.sub("", text))[1:]
    sections = dict(zip(found[::2], found[1::2], strict=True))
    return {heading: hashlib.sha256(re.sub(r"\s+", " ", f"{heading}\n{section}").strip().encode()).hexdigest()[:8]
            for heading, section in sections.items()}


def faults(language, sources=None):
    """What keeps a translated run-sheet from being the English one: sentences, none if all is well."""
    path = sheet(language, sources)
    if not path.is_file():
        return [f"slides/{path.name} is missing."]
    now, text = hashes(sheet("en", sources).read_text(encoding="utf-8")), path.read_text(encoding="utf-8")
    marked, headings = MARK.findall(text), HEADING.findall(text)
    if [name for name, _ in marked] != list(now) or len(marked) != len(headings):
        return [f"slides/{path.name}: the sections are not in step. English: {', '.join(now)}. Here {len(headings)} headings, "
                f"with marks for {', '.join(name for name, _ in marked)}."]
    return [f"slides/{path.name}, section {name}: it translates an older English text ({of}, now {now[name]}). Bring it up to "
            "date; `python3 course.py slides --translated --sheet` then notes so." for name, of in marked if of != now[name]]


def mark_translated(language, sources=None):
    """Write into a translated run-sheet that each section translates the English one as it now is."""
    now = hashes(sheet("en", sources).read_text(encoding="utf-8"))
    path = sheet(language, sources)

    def marked(mark):
        if mark["name"] not in now:
            raise ValueError(f"slides/{path.name} translates a section '{mark['name']}', which slides/INSTRUCTOR.md lacks; "
                             f"it has {', '.join(now)}.")
        return f"<!-- section {mark['name']}, of {now[mark['name']]} -->"

    path.write_text(MARK.sub(marked, path.read_text(encoding="utf-8")), encoding="utf-8")
