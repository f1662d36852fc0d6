"""The fonts of decks and pages: Nanum Gothic, for Latin and Korean, and DejaVu for code and for signs that Nanum lacks.

Both come with packages. A deck carries of each only the characters it uses, so it looks the same on every computer;
a page carries its Korean letters, for computers that have none. So does `lecture_utils`, for the figures of notebooks:
`python3 -m tools.notebooks.fonts` makes lecture_utils/fonts/CourseGothic-Regular.ttf of Nanum Gothic.
"""
import base64
import functools
import importlib.metadata
import io
import logging
import pathlib
import re

import matplotlib
from fontTools import subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import USE_MY_METRICS

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
COURSE_GOTHIC = pathlib.Path(__file__).resolve().parents[2] / "lecture_utils/fonts/CourseGothic-Regular.ttf"
FAMILY = "Course Gothic"    # the Open Font License keeps the name Nanum for the font as its authors made it
COLUMN = 0.602      # width of a character of code, in parts of the font's size: DejaVu Sans Mono's, and nearly everyone's
HANGUL = [("Course Hangul", 400, NANUM / "NanumGothic.ttf"), ("Course Hangul", 700, NANUM / "NanumGothicBold.ttf")]


def font_faces(text, faces=DECK, serves="U+0-10FFFF"):
    """CSS that embeds the characters of `text` in each face; ValueError names those that no face has.

    `serves`: the range of characters for which a browser asks these faces, as CSS writes it.
    """
    wanted = {ord(character) for character in text if character.isprintable()}
    known = set().union(*(characters_of(file) for _, _, file in faces))
    if wanted - known:
        raise ValueError("No font has the characters " + " ".join(map(chr, sorted(wanted - known))))
    return "\n".join(f"@font-face {{ font-family: '{family}'; font-weight: {weight}; unicode-range: {serves}; "
                     f"src: url(data:font/woff;base64,{subset_of(file, wanted)}) format('woff'); }}"
                     for family, weight, file in faces)


@functools.cache
def characters_of(file):
    """The characters that a font file has, as numbers."""
    return frozenset(TTFont(file, lazy=True).getBestCmap())


def code_face(page, family, larger=1.12):
    """CSS that embeds the Hangul in the code of an HTML page, two columns wide as in a terminal, so that what is aligned
    stays so; "" where there is none.

    `larger`: by how much it is drawn larger than it is elsewhere, so that the columns do not tear its words apart.
    """
    code = re.finditer(r"<(pre|code)\b.*?</\1>", page, re.DOTALL)
    letters = set(map(ord, re.findall("[가-힣]", "".join(found[0] for found in code))))
    if not letters:
        return ""
    data = subset_of(NANUM / "NanumGothic.ttf", letters, 2 * COLUMN / larger)
    return (f"@font-face {{ font-family: '{family}'; font-weight: 400; unicode-range: {HANGUL_RANGE}; size-adjust: {larger:.0%}; "
            f"src: url(data:font/woff;base64,{data}) format('woff'); }}")


def subset_of(file, characters, width=None):
    """The font file with only these characters, as base64 of a WOFF; each as wide as `width`, in ems, where that is given."""
    options = subset.Options(flavor="woff", hinting=False, notdef_outline=True)
    font = subset.load_font(str(file), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    if width:
        widen(font, round(width * font["head"].unitsPerEm))
    small = io.BytesIO()
    subset.save_font(font, small, options)
    return base64.b64encode(small.getvalue()).decode("ascii")


def widen(font, width):
    """Give every character of the font this advance, and put it into the middle."""
    for name in set(font.getBestCmap().values()):
        glyph, (advance, bearing) = font["glyf"][name], font["hmtx"][name]
        shift = (width - advance) // 2
        for part in glyph.components if glyph.isComposite() else ():
            part.x, part.flags = part.x + shift, part.flags & ~USE_MY_METRICS     # no part tells how wide the whole is
        if not glyph.isComposite() and glyph.numberOfContours > 0:
            glyph.coordinates.translate((shift, 0))
        glyph.recalcBounds(font["glyf"])
        font["hmtx"][name] = width, bearing + shift


# ---- the font that the notebooks' figures take


def make_course_gothic(file=COURSE_GOTHIC):
    """Write Nanum Gothic with the characters of `figure_characters` alone, under its own name."""
    options = subset.Options(hinting=False, notdef_outline=True, layout_features=[], name_IDs=[0, 1, 2, 3, 4, 5, 6, 9, 13],
                             legacy_kern=False)
    options.drop_tables += ["gasp", "kern", *(f"TSI{number}" for number in range(6))]
    font = subset.load_font(str(NANUM / "NanumGothic.ttf"), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=figure_characters())
    subsetter.subset(font)
    rename(font["name"])
    add_minus(font)
    file.parent.mkdir(exist_ok=True)
    subset.save_font(font, str(file), options)


def figure_characters():
    """The code points that a Korean figure may hold: KS X 1001's 2,350 syllables, letters, Latin, Greek, common signs."""
    syllables = [code for code in range(0xAC00, 0xD7A4) if len(chr(code).encode("euc_kr")) == 2]  # others take eight bytes
    ranges = [(0x20, 0x100), (0x370, 0x400), (0x2010, 0x2040), (0x2070, 0x2080), (0x2190, 0x2200), (0x3131, 0x3164)]
    signs = map(ord, "℃™√∂∑∏∫∞∈∝∩∪∼≈≠≡≤≥±∇⊂⊃■□▲△▶◀●○◎★☆")
    return {*syllables, *signs, *(code for first, end in ranges for code in range(first, end))}


def add_minus(font):
    """The minus sign, which Nanum lacks: the bar of its plus. Beside a formula matplotlib takes it from no other font."""
    glyphs, plus = font["glyf"], font.getBestCmap()[ord("+")]
    points, box = glyphs[plus].getCoordinates(glyphs)[0], glyphs[plus]
    bar = sorted({y for x, y in points if x == box.xMin})
    pen = TTGlyphPen(None)
    corners = (box.xMin, bar[0]), (box.xMin, bar[1]), (box.xMax, bar[1]), (box.xMax, bar[0])
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
    font.setGlyphOrder([*font.getGlyphOrder(), "minus"])
    glyphs["minus"], font["hmtx"]["minus"] = pen.glyph(), (font["hmtx"][plus][0], box.xMin)
    glyphs["minus"].recalcBounds(glyphs)
    for table in font["cmap"].tables:
        table.cmap[ord("−")] = "minus"


def rename(names):
    """The name table says `FAMILY` and where the font comes from; who made it and under which licence it still says."""
    names.names = [name for name in names.names if name.platformID == 3 and name.langID == 0x409]
    origin = "Nanum Gothic, a subset with fewer characters and tables, made for figures of the course."
    for number, text in {1: FAMILY, 3: f"{FAMILY} Regular", 4: f"{FAMILY} Regular", 6: "CourseGothic-Regular", 10: origin,
                         13: "SIL Open Font License, Version 1.1: OFL.txt beside this file."}.items():
        names.setName(text, number, 3, 1, 0x409)


if __name__ == "__main__":
    make_course_gothic()
