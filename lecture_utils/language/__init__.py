"""The reader's language: what the package says, in English or in the language that COURSE_LANG names.

A notebook's bootstrap cell sets COURSE_LANG, unless it is set; a language without a catalogue reads English. The catalogue of
a language is its folder here: TOML files of `[[text]]` tables with the keys `en`, as the code says it, fields in braces and
all, and `ko`. Imports nothing of the course.
"""

import functools
import os
import re
import tomllib
from pathlib import Path

LANGUAGES = ("en", "ko")
CATALOGUES = Path(__file__).parent

# Korean particles that depend on the sound before them: (after a consonant, after a vowel).
PARTICLES = re.compile(r"(?P<before>.?)(?P<closing>['\"`”’)\]}*$]*)\[(?P<closed>[가-힣]+)/(?P<open>[가-힣]+)\]")
CLOSED_LETTERS = "lmnrLMNR"     # read el, em, en, 알: they end in a consonant
CLOSED_DIGITS = "013678"        # 영 일 삼 육 칠 팔


def language():
    """The code of the language in which the package speaks now: "en" or "ko"."""
    wanted = os.environ.get("COURSE_LANG", "en")
    return wanted if wanted in LANGUAGES else "en"


def say(english, **values):
    """A text in the reader's language, its fields filled in as by `str.format`.

    english: as it stands in the catalogue; a text that is not there stays English. The catalogue's Korean may write a
    particle in both forms, as in "{name}[을/를]": the one that fits what stands before it is taken.

    >>> from lecture_utils.language import say
    >>> say("{n} images", n=3)
    '3 images'
    """
    own = catalogue(language()).get(english)
    if own is None:
        return english.format(**values) if values else english
    return with_particles(own.format(**values) if values else own)


def worded(english):
    """Marks a text that `say` will be asked for later, where the code first writes it down; returns it unchanged."""
    return english


def spoken(*texts):
    """The one of these texts, in the order of `LANGUAGES`, that is in the reader's language; English where it is missing."""
    place = LANGUAGES.index(language())
    return texts[place] if place < len(texts) else texts[0]


@functools.cache
def catalogue(code):
    """dict English → text in the language `code`; empty for English."""
    entries = [entry for file in sorted((CATALOGUES / code).glob("*.toml"))
               for entry in tomllib.loads(file.read_text(encoding="utf-8"))["text"]]
    return {entry["en"]: entry[code] for entry in entries}


def with_particles(korean):
    """The text with every choice as [을/를] made by the sound before it.

    >>> from lecture_utils.language import with_particles
    >>> with_particles("CAM[은/는] `conv3`[을/를] 봅니다")
    'CAM은 `conv3`을 봅니다'
    """
    return PARTICLES.sub(_fitting, korean)


def _fitting(found):
    before, closed = found["before"], _ends_in_consonant(found["before"])
    if found["open"].startswith("로") and (before in "lL178" or _final(before) == 8):      # ㄹ takes 로, not 으로
        closed = False
    return before + found["closing"] + (found["closed"] if closed else found["open"])


def _ends_in_consonant(letter):
    return _final(letter) > 0 or letter != "" and letter in CLOSED_LETTERS + CLOSED_DIGITS


def _final(letter):
    """The number of a Hangul syllable's final consonant; 0 for none."""
    return (ord(letter) - 0xAC00) % 28 if "가" <= letter <= "힣" else 0
