"""The fonts of decks and pages: Nanum Gothic, for Latin and Korean, and DejaVu for code and for signs that Nanum lacks.

Both come with packages. A deck carries of each only the characters it uses, so it looks the same on every computer;
a page carries its Korean letters, for computers that have none.
"""
import base64
import importlib.metadata
import io
import logging
import pathlib

import matplotlib
from fontTools import subset
from fontTools.ttLib import TTFont

# The package is looked up and not imported: its import needs distutils, which Python 3.12 no longer has.
NANUM = pathlib.Path(importlib.metadata.distribution("koreanize-matplotlib").locate_file("koreanize_matplotlib/fonts"))
DEJAVU = pathlib.Path(matplotlib.get_data_path(), "fonts/ttf")
logging.getLogger("fontTools.subset").setLevel(logging.ERROR)  # it names the tables that it can't subset and drops
DECK = [  # family, weight, file
    ("Deck", 400, NANUM / "NanumGothic.ttf"),
    ("Deck", 700, NANUM / "NanumGothicBold.ttf"),
    ("Deck signs", 400, DEJAVU / "DejaVuSans.ttf"),
    ("Deck code", 400, DEJAVU / "DejaVuSansMono.ttf"),
]
HANGUL_RANGE = "U+AC00-D7A3"
HANGUL = [("Course Hangul", 400, NANUM / "NanumGothic.ttf"), ("Course Hangul", 700, NANUM / "NanumGothicBold.ttf")]


def font_faces(text, faces=DECK, serves="U+0-10FFFF"):
    """CSS that embeds the characters of `text` in each face; ValueError names those that no face has.

    `serves`: the range of characters for which a browser asks these faces, as CSS writes it.
    """
    wanted = {ord(character) for character in text if character.isprintable()}
    known = set().union(*(TTFont(file, lazy=True).getBestCmap() for _, _, file in faces))
    if wanted - known:
        raise ValueError("No font has the characters " + " ".join(map(chr, sorted(wanted - known))))
    return "\n".join(f"@font-face {{ font-family: '{family}'; font-weight: {weight}; unicode-range: {serves}; "
                     f"src: url(data:font/woff;base64,{subset_of(file, wanted)}) format('woff'); }}"
                     for family, weight, file in faces)


def subset_of(file, characters):
    """The font file with only these characters, as base64 of a WOFF."""
    options = subset.Options(flavor="woff", hinting=False, notdef_outline=True)
    font = subset.load_font(str(file), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    small = io.BytesIO()
    subset.save_font(font, small, options)
    return base64.b64encode(small.getvalue()).decode("ascii")
