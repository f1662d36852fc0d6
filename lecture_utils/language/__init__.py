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


def language():
    """The code of the language in which the package speaks now: "en" or "ko"."""
    wanted = os.environ.get("COURSE_LANG", "en")
    return wanted if wanted in LANGUAGES else "en"


def say(english, /, **values):
    """A text in the reader's language; where there are values, its fields are filled in as by `str.format`.

    english: as it stands in the catalogue; a text that is not there stays English. The catalogue's Korean may write a
    particle in both forms, as in "{name}[을/를]": the one that fits what stands before it is taken.

    >>> from lecture_utils.language import say
    >>> say("{n} images", n=3)
    '3 images'
    """
    own = catalogue(language()).get(english)
    said = (own or english).format(**values) if values else own or english
    return with_particles(said) if own else said


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


# ---- Korean particles, which depend on the sound before them: [after a consonant/after a vowel]

CHOICE = re.compile(r"\[([가-힣]+)/([가-힣]+)\]")
SILENT = " '\"`“”‘’()[]{}<>«»*$_.,:;!?…"      # not read aloud: what is read stands before them
CONSONANT, L, VOWEL = "a consonant", "ㄹ", "a vowel"
DIGITS = dict.fromkeys("036", CONSONANT) | dict.fromkeys("178", L)       # 영 삼 육, 일 칠 팔; the others end in a vowel
LETTERS = dict.fromkeys("mn", CONSONANT) | dict.fromkeys("lr", L)        # 엠 엔, 엘 알; the others end in a vowel
SIGNS = {"ε": CONSONANT, "²": CONSONANT, "³": CONSONANT}                 # 엡실론, 제곱, 세제곱
# How words in Latin letters end when Koreans say them: model 모델, file 파일; frame 프레임, ring 링; map 맵, output 아웃풋, block
# 블록, keep 킵. All others end in a vowel: layer 레이어, class 클래스, mask 마스크, Dense 덴스.
WORDS = [(re.compile(r"le?$"), L),
         (re.compile(r"([mn]e?|ng|ck|out|eep)$|(^|[^aeiou])[aeiou][ptb]$"), CONSONANT)]


def with_particles(korean):
    """The text with every choice as [을/를] made by the sound before it.

    >>> from lecture_utils.language import with_particles
    >>> with_particles("CAM[은/는] `conv3`[을/를] 봅니다")
    'CAM은 `conv3`을 봅니다'
    """
    return CHOICE.sub(_fitting, korean)


def _fitting(choice):
    after_consonant, after_vowel = choice.groups()
    sound = ending(choice.string[:choice.start()])
    if after_vowel.startswith("로") and sound == L:      # 으로 after other consonants alone
        return after_vowel
    return after_vowel if sound == VOWEL else after_consonant


def ending(text):
    """How the last word of a text ends when it is read aloud in Korean: in CONSONANT, L or VOWEL."""
    text = text.rstrip(SILENT)
    last = text[-1:]
    if "가" <= last <= "힣":
        return {0: VOWEL, 8: L}.get((ord(last) - ord("가")) % 28, CONSONANT)    # the final consonants are numbered, 0 is none
    if last.isascii() and last.isalpha():
        return _latin_ending(re.search(r"[A-Za-z]+$", text)[0])
    return (DIGITS | SIGNS).get(last, VOWEL)


def _latin_ending(word):
    """Of a word that is said as a word (CAM, ReLU, layer), or letter by letter (CNN, npz); of IoU and ViT the last letter."""
    part = re.search(r"[A-Z]+$|[A-Z]?[a-z]+$", word)[0]        # of LayerCAM it is CAM, of ReLU it is LU
    spelled = not re.search("[aeiouy]", part.lower()) or len(part) == 1
    if spelled:
        return LETTERS.get(part[-1].lower(), VOWEL)
    return next((sound for pattern, sound in WORDS if pattern.search(part.lower())), VOWEL)
