"""The run-sheet for the instructor: slides/INSTRUCTOR.md, and its translations slides/INSTRUCTOR.xx.md.

Each is a twin of the English one, section by section, as `tools/notebooks/twins.py` says.
"""
from ..notebooks import twins
from ..notebooks.twins import STAMPED as STAMPED
from .source import SOURCES

WORDS = {  # of the table of the decks, which `course.py stamp` writes
    "en": {"deck": "Deck {}", "head": "| | minutes | short way | slides | notebook |"},
    "ko": {"deck": "{}강", "head": "| | 분 | 짧은 진행 | 슬라이드 | 노트북 |"},
}


def sheet(language, sources=None):
    return (sources or SOURCES) / ("INSTRUCTOR.md" if language == "en" else f"INSTRUCTOR.{language}.md")


def faults(language, sources=None):
    """What keeps a translated run-sheet from being the English one: sentences, none if all is well."""
    own = sheet(language, sources)
    return twins.faults(sheet("en", sources), own, f"slides/{own.name}", "slides --translated --sheet")


def mark_translated(language, sources=None):
    """Write into a translated run-sheet that each section translates the English one as it now is."""
    twins.mark_translated(sheet("en", sources), sheet(language, sources))
