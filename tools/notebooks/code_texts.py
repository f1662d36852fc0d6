"""The texts in a cell's code that its readers read: comments, and what stands in quotation marks. They can be exchanged.

Strings that Python joins, because they stand next to each other, are one text. A text stands as the code writes it, with
its escapes and, in an f-string, with its fields in braces.
"""
import ast
import io
import re
import tokenize
from typing import NamedTuple

from .languages import columns

WIDTH = 118         # columns of a line of a notebook; a Korean letter takes two
LITERAL = re.compile(r"(?P<prefix>[A-Za-z]*)(?P<quotes>'''|\"\"\"|'|\")(?P<text>.*)(?P=quotes)", re.DOTALL)


class Text(NamedTuple):
    """One text of the code: its words, and where its first character and the one after its last stand."""

    words: str
    start: int
    end: int
    prefix: str = ""        # of its first literal, such as f
    quotes: str = ""        # "" for a comment
    in_brackets: bool = False


def texts(code):
    """The comments and strings of `code`, in their order, as a list of `Text`."""
    found = []
    for kind, word, start, end, in_brackets in _literals(code):
        between = code[found[-1].end:start] if found else "x"
        if kind == "comment":
            found.append(Text(word, start, end))
            continue
        part = LITERAL.fullmatch(word)
        joined = found and found[-1].quotes and re.fullmatch(r"(\s|\\\n)*", between)
        if joined:
            before = found.pop()
            prefix = before.prefix if "f" in before.prefix.lower() else part["prefix"]
            found.append(Text(before.words + part["text"], before.start, end, prefix, before.quotes, in_brackets))
        else:
            found.append(Text(part["text"], start, end, part["prefix"], part["quotes"], in_brackets))
    return found


def exchanged(code, words):
    """The code with its texts exchanged as the dict `words` says, long ones broken into lines."""
    for text in reversed(texts(code)):
        if text.words in words and words[text.words] != text.words:
            code = code[:text.start] + _written(words[text.words], text, code) + code[text.end:]
    return code


def wordless(code):
    """What Python makes of the code, its texts taken out: alike for two codes that do the same in two languages.

    Fields of an f-string may stand in another order, and take another width, since other words stand above or beside them.
    """
    return ast.dump(Wordless().visit(ast.parse(code)))


class Wordless(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node):
        fields = [self.visit(part) for part in node.values if isinstance(part, ast.FormattedValue)]
        return ast.JoinedStr(sorted(fields, key=ast.dump))

    def visit_FormattedValue(self, node):
        spec = re.sub(r"^'?[<>^]?\d*", "", ast.unparse(node.format_spec)[1:]) if node.format_spec else ""
        return ast.FormattedValue(self.visit(node.value), node.conversion, ast.Constant(spec.strip("'\"")))


def is_prose(text):
    """Whether a text holds words for a reader: a comment, or two words in a row, and not only names and signs."""
    bare = re.sub(r"\{[^{}]*\}|\$[^$]*\$|\\[a-z]", " ", text.words)
    return bool(re.search(r"[A-Za-z]{2,}" if not text.quotes else r"[A-Za-z]{2,},? [A-Za-z]{2,}|[A-Za-z]{2,} [a-z] ", bare))


def _literals(code):
    """(kind, source, start, end, whether it stands in brackets) of each comment and string.

    An f-string is one string, also since Python 3.12, which reads it in parts.
    """
    lines = [0]
    for line in code.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    place = lambda row, column: lines[row - 1] + column
    depth = began = brackets = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        name = tokenize.tok_name[token.type]
        if name == "FSTRING_START":
            began = began if depth else place(*token.start)
            depth += 1
        elif name == "FSTRING_END":
            depth -= 1
            if not depth:
                yield "string", code[began:place(*token.end)], began, place(*token.end), brackets > 0
        elif depth:
            continue
        elif name in ("STRING", "COMMENT"):
            yield name.lower(), token.string, place(*token.start), place(*token.end), brackets > 0
        elif name == "OP":
            brackets += (token.string in "([{") - (token.string in ")]}")


def _written(words, text, code):
    """The literals that say `words` in the place of `text`."""
    if not text.in_brackets or len(text.quotes) != 1:
        opening = text.prefix + text.quotes
        return opening + words + text.quotes
    column = columns(code[code.rfind("\n", 0, text.start) + 1:text.start])
    lines = _wrapped(words, WIDTH - column - len(text.prefix) - 3)
    prefixes = (text.prefix if re.search("[{}]", line) or "f" not in text.prefix.lower() else "" for line in lines)
    return f"\n{' ' * column}".join(f"{prefix}{text.quotes}{line}{text.quotes}"
                                    for prefix, line in zip(prefixes, lines, strict=True))


def _wrapped(words, width):
    """The words in lines of at most `width` columns, broken after blanks that stand in no field."""
    lines = [""]
    for word in re.findall(r"(?:\{\{|\}\}|\{(?:[^{}]|\{[^{}]*\})*\}|\S)+\s*|\s+", words):
        if lines[-1] and columns(lines[-1] + word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return lines
