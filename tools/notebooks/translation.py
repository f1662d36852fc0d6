"""Makes the notebooks of another language out of the English ones and the prose that lies beside them.

The English notebooks are the source. notebooks/ko/NN_name.md holds, cell by cell, the Korean of what is read; code, tags
and numbers come from the English notebook. Each entry begins with a comment that names its cell:

    <!-- cell formula, of 1a2b3c4d -->
    Grad-CAM은 ...

    <!-- cell cell-14, code, of 5e6f7a8b -->
    # mean over the places
    => # 위치에 대한 평균

    margin before {before:.1f}, after {after:.1f}
    => 이전 마진 {before:.1f}, 이후 {after:.1f}

A Markdown cell is translated whole. Of a code cell only its texts are, each on one line and its translation on the next,
as the code writes them (`code_texts.py`). A text that must stay is not named; a sentence has to be, even if it stays.
`of` is the hash of the English words: who changes them makes the entry out of date, and `faults` says so;
`course.py notebooks NN --translated` marks it as up to date again.
"""
import hashlib
import pathlib
import re
from typing import NamedTuple

import nbformat

from .code_texts import exchanged, is_prose, texts, wordless
from .title_cell import FACTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = re.compile(r"^<!-- cell (?P<id>[\w-]+)(?P<code>, code)?(?:, of (?P<of>[0-9a-f]{8}))? -->$", re.MULTILINE)
PAIR = re.compile(r"^(?P<english>[^\n]+)\n=> ?(?P<own>[^\n]*)$", re.MULTILINE)
STAMPED = re.compile(rf"^(\[!\[Open in Colab\].*|\| *(?:{'|'.join(map(re.escape, FACTS.values()))}) *\|.*)\n*", re.MULTILINE)
FENCED = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Entry(NamedTuple):
    """The translation of one cell: `text` of a Markdown cell, `words` (a dict English -> own) of a code cell."""

    cell: str
    is_code: bool
    of: str
    text: str
    words: dict


def source(path, language):
    """Where the prose lies that translates the English notebook `path`."""
    return path.parent / language / f"{path.stem}.md"


def read(file):
    """The `Entry`s of a file of prose, in order; ValueError for what the format does not know."""
    text = file.read_text(encoding="utf-8")
    headers = list(HEADER.finditer(text))
    for line in re.findall(r"^<!-- *cell.*$", text, re.MULTILINE):
        if not HEADER.match(line):
            raise ValueError(f"{file.name}: `{line}` should read `<!-- cell some-id -->` or `<!-- cell some-id, code -->`.")
    ends = [header.start() for header in headers[1:]] + [len(text)]
    return [entry(header, text[header.end():end].strip("\n"), file.name) for header, end in zip(headers, ends, strict=True)]


def entry(header, text, name):
    words = {}
    if header["code"]:
        words = {pair["english"]: pair["own"] for pair in PAIR.finditer(text)}
        rest = PAIR.sub("", text).strip()
        if rest:
            raise ValueError(f"{name}, cell {header['id']}: each text of a code cell stands on one line, its translation on the "
                             f"next, after `=> `. This is neither: {rest.splitlines()[0]}")
    return Entry(header["id"], bool(header["code"]), header["of"] or "", text, words)


def readable(cell):
    """What of an English cell is to be translated: Markdown without what is stamped into it, or the texts of its code."""
    if cell.cell_type == "markdown":
        return STAMPED.sub("", cell.source)
    return "\n".join(text.words for text in texts(cell.source) if is_prose(text))


def hash_of(cell):
    """Eight digits that change with anything of the cell that a reader reads as language."""
    return hashlib.sha256(re.sub(r"\s+", " ", readable(cell)).strip().encode()).hexdigest()[:8]


def is_translated(cell):
    """Whether an English cell needs an entry. The bootstrap cell has none: it is stamped."""
    return "bootstrap" not in cell.metadata.get("tags", []) and bool(readable(cell).strip())


# ---- what is wrong with a translation


def faults(path, language):
    """What keeps the prose from translating the English notebook `path` as it is: sentences, none if all is well."""
    file = source(path, language)
    if not file.is_file():
        return [f"{file.relative_to(path.parent)} is missing."]
    try:
        entries = read(file)
    except ValueError as error:
        return [str(error)]
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    wanted = [cell.id for cell in cells.values() if is_translated(cell)]
    named = [entry.cell for entry in entries]
    found = [f"there is no entry for cell {cell}" for cell in wanted if cell not in named]
    found += [f"cell {cell} is not in the English notebook" for cell in named if cell not in cells]
    if not found and [cell for cell in named if cell in wanted] != wanted:
        found.append("the entries are not in the order of the cells")
    for each in entries:
        if each.cell in cells:
            found += [f"cell {each.cell}: {fault}" for fault in entry_faults(each, cells[each.cell])]
    return [f"{file.name}: {fault}" for fault in found]


def entry_faults(entry, cell):
    if entry.is_code != (cell.cell_type == "code"):
        yield f"is {cell.cell_type} in English"
        return
    if entry.of != hash_of(cell):
        yield (f"it translates an older English cell ({entry.of or 'none named'}, now {hash_of(cell)}); bring it up to date, "
               f"then run `course.py notebooks --translated`")
    yield from (code_faults if entry.is_code else markdown_faults)(entry, cell)


def code_faults(entry, cell):
    english = texts(cell.source)
    yield from (f"the code has no text `{words}`" for words in entry.words if words not in {text.words for text in english})
    yield from (f"there is no translation of `{text.words}`" for text in english
                if is_prose(text) and text.words not in entry.words)
    yield from (f"one is a comment, the other is not: `{words}`" for words, own in entry.words.items()
                if words.startswith("#") != own.startswith("#"))
    if not same_code(cell.source, exchanged(cell.source, entry.words)):
        yield "the translated code does not do the same: were the fields in braces changed, or a quotation mark not escaped?"


def markdown_faults(entry, cell):
    ours, theirs = FENCED.findall(cell.source), FENCED.findall(entry.text)
    if len(ours) != len(theirs) or not all(map(same_code, ours, theirs)):
        yield "the Python in it is not the English cell's: only its comments and strings may differ"
    for what, pattern in {"formulas": r"\$\$.*?\$\$|\$[^$\n]+\$", "addresses": r"\]\(([^)\s]+)\)", "code": r"`[^`\n]+`"}.items():
        counted = [sorted(place_free(text) for text in re.findall(pattern, FENCED.sub("", source), re.DOTALL))
                   for source in (readable(cell), entry.text)]
        missing = [text for text in set(counted[0]) if text not in counted[1]]
        added = [text for text in set(counted[1]) if text not in counted[0]]
        if missing or added:
            yield f"{what} differ; only in English: {', '.join(missing) or 'none'}; only here: {', '.join(added) or 'none'}"


def place_free(text):
    """An address without the heading it leads to, which is called otherwise in another language; other texts as they are."""
    return text.partition("#")[0] if text.startswith(("../", "0", "1", "#")) else re.sub(r"\s+", " ", text)


def same_code(one, other):
    """Whether two codes do the same but for their texts; the code of a cell that is broken on purpose is compared as it is."""
    try:
        return wordless(one) == wordless(other)
    except SyntaxError:
        return one == other


def mark_translated(path, language):
    """Write into the prose that each entry translates its English cell as that is now."""
    file = source(path, language)
    hashes = {cell.id: hash_of(cell) for cell in nbformat.read(path, as_version=4).cells}
    mark = lambda header: (f"<!-- cell {header['id']}{header['code'] or ''}, of {hashes[header['id']]} -->"
                           if header["id"] in hashes else header[0])
    file.write_text(HEADER.sub(mark, file.read_text(encoding="utf-8")), encoding="utf-8")
