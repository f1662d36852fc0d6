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
import json
import pathlib
import re
from collections import Counter
from typing import NamedTuple

import nbformat

from . import languages
from .bootstrap_cell import FOLDED, bootstrap_cell, colab_badge
from .code_texts import exchanged, is_prose, texts, wordless
from .repository import repository_address
from .title_cell import FACTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = re.compile(r"^<!-- cell (?P<id>[\w-]+)(?P<code>, code)?(?:, of (?P<of>[0-9a-f]{8}))? -->$", re.MULTILINE)
PAIR = re.compile(r"^(?P<english>[^\n]+)\n=> ?(?P<own>[^\n]*)$", re.MULTILINE)
STAMPED = re.compile(rf"^(\[!\[Open in Colab\].*|\| *(?:{'|'.join(map(re.escape, FACTS.values()))}) *\|.*)\n*", re.MULTILINE)
HANGUL = re.compile("[가-힣]")
NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
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


# ---- the notebook of another language


def translated(path, language, former=None):
    """The English notebook `path` in another language: its cells, and the outputs of those that `former` has with the same code.

    former: the notebook of that language as it was, with its outputs; None for none. Raises ValueError for prose that does
    not fit (`faults` says what is wrong).
    """
    wrong = faults(path, language)
    if wrong:
        raise ValueError("\n".join(wrong))
    notebook, entries = nbformat.read(path, as_version=4), {each.cell: each for each in read(source(path, language))}
    kept = {cell.id: cell for cell in former.cells if cell.cell_type == "code"} if former else {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = elsewhere(entries[cell.id].text, language)
            continue
        if "bootstrap" in cell.metadata.get("tags", []):
            cell.source, cell.metadata = bootstrap_cell(repository_address(), language), nbformat.from_dict(FOLDED)
        elif cell.id in entries:
            cell.source = exchanged(cell.source, entries[cell.id].words)
        ran = cell.id in kept and kept[cell.id].source == cell.source
        cell.outputs, cell.execution_count = (kept[cell.id].outputs, kept[cell.id].execution_count) if ran else ([], None)
    notebook.cells[0].source = with_stamps(notebook, path.name, language)
    notebook.metadata["course"] = notebook.metadata["course"] | {"language": language}
    return notebook


def renewed(path, language):
    """The notebook of another language as it should be now, with what outputs of the file that is there still belong to it."""
    there = languages.folder(path.parents[1], language) / path.name
    return translated(path, language, nbformat.read(there, as_version=4) if there.is_file() else None)


def with_stamps(notebook, name, language):
    """The title cell with its badge, above the table, and at the table's end the figures that the metadata hold."""
    text = notebook.cells[0].source.rstrip()
    promise, line, table = text.partition("\n| | |\n")
    badge = colab_badge(repository_address(), f"notebooks/{language}/{name}", language)
    facts = [f"| {label} | {notebook.metadata.course[key]} |" for key, label in languages.WORDS[language]["facts"].items()]
    return "\n".join([f"{promise.rstrip()}\n\n{badge}\n{line}{table}", *facts])


def elsewhere(markdown, language):
    """The text with its links to other folders one folder further up, and to the twin in its own language where there is one."""
    return re.sub(r"\]\((\.\./[^)\s#]+)", lambda link: f"](../{twin(link[1], language)}", markdown)


def twin(address, language):
    """The address, from notebooks/, of the same document in the language, if that is there: X.ko.md for X.md."""
    own = pathlib.PurePosixPath(address)
    own = own.with_suffix(f".{language}{own.suffix}")
    return own.as_posix() if (ROOT / "notebooks" / own).is_file() else address


def settled(notebook, english):
    """The executed notebook with what holds no language in its outputs as it is in the English one's.

    So nothing differs between the two but words, whatever computer ran them: a picture without words is the same file, a text
    without words the same text, and a number in a sentence the same number, though a training may have ended a little
    otherwise this time. Raises ValueError, naming the cell, where a sentence has more numbers than in English, or fewer.
    """
    for cell, original in zip(notebook.cells, english.cells, strict=True):
        if cell.cell_type == "code":
            try:
                cell.outputs = [settled_output(*pair) for pair in zip(cell.outputs, original.outputs, strict=True)]
            except ValueError as error:
                raise ValueError(f"cell {cell.id}: {error}") from None
    return notebook


def settled_output(output, english):
    if not HANGUL.search(json.dumps(output, ensure_ascii=False)):
        return english
    picture = output.get("metadata", {}).get("image/png", {})
    if picture and "lang" not in picture:       # its description has language, it has none
        output.data["image/png"] = english.data["image/png"]
        picture |= {key: english.metadata["image/png"][key] for key in ("width", "height") if key in picture}
    elif output.output_type == "stream":
        output.text = with_numbers_of(english.text, output.text)
    elif not picture and "text/html" not in output.data:
        output.data["text/plain"] = with_numbers_of(english.data["text/plain"], output.data["text/plain"])
    return output


def with_numbers_of(english, own):
    """The text `own` with those of its numbers that `english` lacks exchanged for those that it lacks, smallest for smallest."""
    there, here = (NUMBER.findall(text) for text in (english, own))
    lacking, others = ((Counter(one) - Counter(other)).elements() for one, other in ((there, here), (here, there)))
    lacking, others = sorted(lacking, key=as_number), sorted(others, key=as_number)
    if len(others) > len(lacking):
        others = [number for number in others if not is_a_word(number)]
    if len(lacking) != len(others):
        raise ValueError(f"the numbers {', '.join(others) or 'none'} should be {', '.join(lacking) or 'none'}. Run both "
                         "languages on this computer: `course.py notebooks`.")
    exchange = {}
    for old, new in zip(others, lacking, strict=True):
        exchange.setdefault(old, []).append(new)
    return NUMBER.sub(lambda found: exchange[found[0]].pop(0) if exchange.get(found[0]) else found[0], own)


def as_number(text):
    return float(text.replace(",", ""))


def is_a_word(number):
    """Whether English may write this number in letters, as in "above zero"."""
    return number.isdigit() and int(number) <= 20


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
    """An address without the heading it leads to, a formula without its words; other texts as they are."""
    if text.startswith(("../", "0", "1", "#")):
        return text.partition("#")[0]
    return re.sub(r"\s+", "", re.sub(r"\\text\{[^}]*\}|\\q?quad(?![A-Za-z])", "", text))


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
