"""Tells in a slide's notes what the speaker does from what is said.

A sentence that tells the speaker what to do is an imperative: in English it begins with a verb of `VERBS`, in Korean it
ends in -세요. All others are to be said, or to be known. So the notes need no marks, and a speaker sees at a glance where to
ask, to wait, to show. In a language that `DOES` lacks nothing is marked.
"""
import re

VERBS = ("add", "admit", "announce", "ask", "be ready", "begin", "build", "call", "close", "collect", "come back",
         "compare", "compute", "count", "cover", "do not", "don't", "draw", "explain", "fill", "find", "give", "go",
         "hand out", "have", "hold", "introduce", "invite", "keep", "leave", "let", "look", "make", "mind", "name",
         "note", "offer", "open", "play", "point", "promise", "put", "read", "remember", "remind", "repeat", "return",
         "run", "say", "send", "show", "skip", "start", "stay", "step", "stop", "take", "tell", "try", "turn", "wait",
         "warn", "write")
BEFORE = "then", "now", "next", "again", "here", "first"                                    # "Then let them vote."
CLAUSES = "after", "at", "before", "for", "from", "if", "on", "once", "when", "while", "with"      # "Before you run it, ask."
DOES = {
    "en": re.compile(rf"[(“\"]?(?:(?:{'|'.join(BEFORE)}),? |(?:{'|'.join(CLAUSES)}) [^,.:;?]+, )*(?:{'|'.join(VERBS)})\b",
                     re.IGNORECASE),
    "ko": re.compile(r".*세요[.!?]?[)”’\"]*$", re.DOTALL),
}
GAP = re.compile(r"((?<=[.?!])\s+|(?<=[.?!][)”’\"])\s+)")   # between two sentences


def with_doings(notes, language):
    """The notes, Markdown, with each sentence that tells the speaker what to do as an `em.do`."""
    does = DOES.get(language)
    return "".join(f'<em class="do">{part}</em>' if does and does.match(part) else part for part in GAP.split(notes))
