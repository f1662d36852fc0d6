"""Reads the words of the course, docs/glossary.toml, and writes them as the table docs/GLOSSARY.md."""
import dataclasses
import functools
import pathlib
import re
import tomllib

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "glossary.toml"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Term:
    """One entry; the head of docs/glossary.toml says what each line of it holds."""

    english: str
    korean: str
    first: str
    means: str
    means_ko: str
    symbol: str = ""
    also: tuple = ()
    avoid: tuple = ()  # `not` in the file

    @property
    def anchor(self):
        """The place of the entry in the page."""
        return re.sub(r"[^a-z0-9]+", "-", self.english.lower().replace("+", " plus ")).strip("-")

    @property
    def names(self):
        """All that the term is called in English."""
        return (self.english, *self.also)

    @property
    def notebook(self):
        """The number of the notebook that introduces it."""
        return int(self.first.partition("_")[0])

    @property
    def is_hangul(self):
        return bool(re.search("[가-힣]", self.korean))


@functools.cache
def glossary():
    """(terms, names): a list of Term in the order of the file, and a dict class name -> Korean."""
    source = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return [Term(avoid=entry.pop("not", ()), **entry) for entry in source["term"]], source["names"]


def terms():
    return glossary()[0]


def korean(name):
    """The Korean of a term, or of a class as its data set calls it, such as `pitted_surface`."""
    every, names = glossary()
    found = {term.english: term.korean for term in every} | names
    if name.replace("_", " ") not in found:
        raise KeyError(f"docs/glossary.toml has no '{name.replace('_', ' ')}'")
    return found[name.replace("_", " ")]


def table():
    """The glossary as a page of Markdown that GitHub shows with its formulas."""
    rows = [f"| {', '.join(term.names)} | {term.korean} | {f'${term.symbol}$' if term.symbol else ''} "
            f"| {term.means}<br>{term.means_ko} | [{term.notebook}](../notebooks/{term.first}.ipynb) |" for term in terms()]
    classes = " · ".join(f"{name} {in_korean}" for name, in_korean in glossary()[1].items())
    return "\n".join([
        "<!-- Written by `python3 course.py stamp` from glossary.toml: change that file. -->", "# Glossary · 용어집", "",
        "| term | 한국어 | symbol | what it is | notebook |", "|---|---|---|---|---|", *rows, "",
        f"The classes of CIFAR-10: {classes}.", ""])
