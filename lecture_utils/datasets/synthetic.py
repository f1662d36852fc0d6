"""Digits and steel drawn by code: the data the course has when there is no network.

`draw_digits` writes handwriting-like digits the way MNIST was made: pen strokes, fitted to a 20x20 box,
centred by mass in 28x28. `draw_steel` draws hot-rolled steel strip with the six surface defects of the
NEU data set, and knows exactly which pixels it drew the defect on.

Both are seeded: image i depends on (seed, i) alone, so a longer set begins with the shorter one.
How close they come to the real data is measured by `python3 course.py realism`; see data/README.md.
"""

from functools import lru_cache

import cv2
import numpy as np

from ..language import say

STEEL_CLASSES = ("crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches")
STEEL_SIZE = 200  # pixels, height and width
_SMALLEST = 30  # pixels that the defects of an image cover at least

# ---------------------------------------------------------------------------------------------- digits

DIGIT_SIZE = 28
_BOX = 20  # the digit's longer side, in pixels
_FINE = 8  # each pixel is drawn as 8x8 finer ones and averaged: antialiasing

# How people write the ten digits: (how often, strokes). A stroke is a smooth curve through points "x,y"
# (x to the right, y down, 0 to 100); ";" lifts the pen or turns a sharp corner.
_SKELETONS = {
    0: [
        (5, "56,2 28,14 12,50 26,86 50,98 76,84 88,50 76,16 56,2"),
        (3, "62,4 36,8 14,42 16,80 42,98 72,82 86,46 78,14 52,2 44,8"),
        (1, "74,10 46,2 18,30 12,68 36,98 70,86 88,48 80,18 70,12 58,20"),
        (1, "30,24 56,4 84,28 78,78 44,98 14,70 20,26 48,8"),
    ],
    1: [
        (12, "50,0 50,34 50,66 50,100"),
        (2, "34,20 54,0; 54,0 54,50 54,100"),
        (1, "32,20 54,0; 54,0 54,50 54,100; 28,100 54,99 80,100"),
    ],
    2: [
        (4, "14,26 32,4 64,4 78,26 62,54 38,80 12,98; 12,98 48,94 90,97"),
        (4, "16,22 38,2 68,8 76,30 60,62 34,88 14,92 16,76 36,76 62,92 92,92"),
        (2, "16,14 46,2 76,12 74,34 48,66 16,96; 16,96 52,92 88,86"),
        (2, "12,34 24,8 56,2 76,20 66,50 40,76 10,92 34,86 62,98 92,90"),
        (2, "10,30 30,10 56,8 62,26 44,58 8,92; 8,92 44,92 100,88"),
        (2, "12,30 34,4 70,10 74,38 40,80 14,94 8,80 28,66 54,84 98,96"),
    ],
    3: [
        (4, "14,14 44,0 74,12 70,34 42,46; 42,46 78,58 82,82 52,100 12,88"),
        (3, "18,10 50,0 74,16 64,38 40,48 50,50 80,66 72,92 42,100 12,88"),
        (2, "16,4 46,4 78,3; 78,3 58,22 40,42; 40,42 72,48 84,72 66,96 34,100 12,86"),
        (2, "16,20 36,0 70,6 74,26 52,44 36,44 56,44 80,62 68,90 36,100 14,94"),
        (2, "10,8 50,2 78,8; 78,8 44,44; 44,44 72,50 78,76 52,98 8,94"),
    ],
    4: [
        (5, "22,4 16,26 12,52; 12,52 44,53 86,46; 74,6 68,50 60,100"),
        (4, "26,2 12,40 24,56 54,52 76,42; 78,4 72,50 64,100"),
        (2, "66,0 40,28 8,64; 8,64 50,63 92,60; 66,0 65,50 62,100"),
        (3, "30,0 20,26 8,54; 8,54 48,56 92,54; 70,14 64,56 56,100"),
        (1, "50,0 28,30 6,60; 6,60 50,60 94,58; 58,30 57,64 56,100"),
    ],
    5: [
        (4, "88,3 56,5 26,4; 26,4 22,24 18,46; 18,46 52,38 82,58 74,88 44,100 10,90"),
        (3, "84,6 54,4 32,6; 32,6 24,24 24,40 56,46 78,66 64,92 34,99 12,92"),
        (2, "26,8 22,28 20,46; 20,46 52,40 80,58 72,88 42,100 12,90; 26,8 58,6 92,2"),
        (2, "92,2 58,6 36,14 30,36 56,50 72,68 54,92 26,98 6,90"),
        (2, "100,0 70,4 40,10; 40,10 32,28 26,46; 26,46 64,48 70,76 40,98 0,92"),
    ],
    6: [
        (4, "58,0 34,28 17,62 22,90 46,100 74,88 77,68 58,55 34,62 17,82"),
        (3, "68,2 44,18 24,46 17,76 38,99 66,94 78,74 62,55 38,58 17,78"),
        (3, "50,0 28,32 18,66 26,92 50,99 72,84 68,62 46,58 19,80"),
        (2, "56,0 36,30 24,62 24,88 46,100 68,90 67,72 48,64 24,80"),
        (2, "34,0 16,36 12,70 30,98 64,96 82,76 66,56 38,60 13,80"),
    ],
    7: [
        (5, "10,8 48,8 88,4; 88,4 64,46 46,100"),
        (3, "12,24 16,6; 16,6 50,9 86,5; 86,5 62,48 48,100"),
        (3, "10,12 34,2 62,10 86,6; 86,6 68,40 52,70 44,100"),
        (2, "12,8 48,8 86,4; 86,4 62,48 46,100; 32,52 56,49 82,48"),
        (2, "8,20 30,6 66,4 82,18 70,50 58,100"),
        (1, "10,30 14,8; 14,8 50,11 86,4; 86,4 56,52 30,100"),
    ],
    8: [
        (5, "74,14 46,0 20,16 44,44 74,68 70,94 42,100 20,84 32,60 60,38 78,16 66,4"),
        (3, "68,6 38,2 24,22 48,44 72,66 64,94 38,100 24,80 40,58 62,36 74,14 68,6"),
        (2, "52,46 26,26 36,4 64,2 76,22 52,46 22,70 30,96 60,100 78,76 52,46"),
        (2, "80,10 50,2 24,18 46,44 72,68 62,96 32,98 20,78 44,54 76,30 88,8"),
    ],
    9: [
        (4, "80,16 52,2 22,18 16,42 40,54 68,38 80,14; 80,14 76,56 70,100"),
        (3, "74,10 46,0 20,22 26,46 54,46 74,22 78,8; 78,8 76,60 58,92 24,96"),
        (3, "78,20 50,2 24,26 32,48 60,40 80,16 70,54 52,100"),
        (2, "72,24 56,2 28,14 22,40 48,50 70,30 74,10; 74,10 70,54 72,100"),
        (2, "78,24 54,4 20,16 16,38 44,46 78,22; 78,22 72,60 46,100"),
        (1, "70,8 30,12 20,36 44,48 74,32; 78,6 75,50 66,100"),
    ],
}


def draw_digits(n, seed=0):
    """Draw n handwriting-like digits in MNIST's format.

    n: how many images. seed: a non-negative int.
    Returns (images, labels): float32 (n, 28, 28, 1) in [0, 1], white ink on black; int64 (n,).
    The classes take turns: image i shows the digit i % 10.
    Raises ValueError for an n or a seed that is not a whole number of at least 0.
    """
    _require_count("n", n)
    _require_count("seed", seed)
    labels = np.arange(n, dtype=np.int64) % 10
    images = np.zeros((n, DIGIT_SIZE, DIGIT_SIZE, 1), np.float32)
    for i, label in enumerate(labels):
        images[i, :, :, 0] = _draw_digit(np.random.default_rng([seed, i]), int(label))
    return images, labels


def _draw_digit(rng, label):
    """One digit (28, 28): choose a way of writing it, write it by hand, scan it as MNIST was scanned."""
    often, strokes = zip(*_skeletons()[label], strict=True)
    chosen = strokes[rng.choice(len(strokes), p=np.divide(often, sum(often)))]
    curves = _handwrite(rng, chosen, slant=0.32 if label == 1 else 0.25)
    pen = float(np.clip(rng.lognormal(np.log(2.3), 0.33), 1.2, 4.4))  # pen width in pixels of the final image
    return _centre_by_mass(_scan(rng, _fit(curves, _BOX - pen), pen))


@lru_cache(maxsize=1)
def _skeletons():
    """The table above, parsed: label -> list of (how often, (points (k, 2), strokes as index arrays))."""
    return {label: [(often, _parse(text)) for often, text in ways] for label, ways in _SKELETONS.items()}


def _parse(text):
    """'x,y x,y; x,y ...' -> the different points, and each stroke as indices into them.

    Strokes that meet share a point, so that they still meet when the points are moved.
    """
    strokes = [[tuple(map(float, point.split(","))) for point in stroke.split()] for stroke in text.split(";")]
    points = sorted({point for stroke in strokes for point in stroke})
    return np.array(points) / 100, [np.array([points.index(p) for p in stroke]) for stroke in strokes]


def _handwrite(rng, skeleton, slant):
    """Skeleton -> one person's version of it: points moved, the whole bent, slanted, stretched, turned."""
    points, strokes = skeleton
    points = points + rng.normal(0, 0.034, points.shape)
    curves = [_smooth_curve(points[stroke]) for stroke in strokes]
    wave = rng.normal(0, [[2.2], [5.0]], (2, 4))  # elastic deformation: a slow and a quick wave
    size = rng.normal(0, [[0.06], [0.014]], (2, 2))
    matrix = _hand_matrix(rng, slant)
    return [(curve + _elastic(curve, wave, size)) @ matrix.T for curve in curves]


def _smooth_curve(points, steps=10):
    """A Catmull-Rom spline through points (k, 2): `steps` positions to each of its k - 1 pieces, and the end."""
    closed = (points[0] == points[-1]).all()  # it is one point, then, and was moved once
    before = points[-2] if closed else 2 * points[0] - points[1]
    after = points[1] if closed else 2 * points[-1] - points[-2]
    p = np.vstack([before, points, after])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    pieces = b + t / 2 * ((c - a) + t * (2 * a - 5 * b + 4 * c - d + t * (3 * b - a - 3 * c + d)))
    return np.vstack([pieces.transpose(1, 0, 2).reshape(-1, 2), points[-1]])


def _elastic(xy, wave, size):
    """A smooth displacement of the plane at points xy (m, 2): a sum of two plane sine waves."""
    phase = xy @ wave[:, :2].T + wave[:, 2]
    return np.sin(phase) @ size


def _hand_matrix(rng, slant):
    """Stretch, slant and turn as one 2x2 matrix; most people lean to the right."""
    turn = rng.normal(0, 0.09)
    width = np.exp(rng.normal(-0.14, 0.24))
    lean = np.clip(rng.normal(0.15, slant), -0.5, 0.85)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return rotate @ np.array([[1.0, -lean], [0.0, 1.0]]) @ np.diag([width, 1.0])


def _fit(curves, length):
    """Scale and shift the curves so that their longer side is `length`, centred in the image."""
    everything = np.vstack(curves)
    low, high = everything.min(0), everything.max(0)
    scale = length / (high - low).max()
    return [(curve - (low + high) / 2) * scale + DIGIT_SIZE / 2 for curve in curves]


def _scan(rng, curves, pen):
    """Ink the curves with a pen whose pressure varies, on a fine grid; average down to 28x28 in [0, 1]."""
    side = DIGIT_SIZE * _FINE
    ink = np.zeros((side, side), np.uint8)
    swing, phase, rate = rng.uniform(0, 0.16), rng.uniform(0, 6.3), rng.uniform(0.05, 0.2)
    for curve in curves:
        pressure = 1 + swing * np.sin(phase + rate * np.arange(len(curve)))
        widths = np.maximum(np.rint(pen * _FINE * pressure), 1).astype(int)
        fixed = np.rint(curve * _FINE * 16).astype(int)  # 4 fractional bits
        for start, end, width in zip(fixed[:-1].tolist(), fixed[1:].tolist(), widths[:-1].tolist(), strict=True):
            cv2.line(ink, start, end, 255, width, cv2.LINE_8, 4)
    small = cv2.resize(ink, (DIGIT_SIZE, DIGIT_SIZE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    soft = cv2.GaussianBlur(small, (3, 3), rng.uniform(0.3, 0.5))
    return np.clip((soft - 0.12) * rng.uniform(1.2, 1.5), 0, 1)


def _centre_by_mass(image):
    """Shift by whole pixels so that the centre of mass lies within half a pixel of the middle, as in MNIST."""
    total, middle = image.sum(), (DIGIT_SIZE - 1) / 2
    place = np.arange(DIGIT_SIZE)
    down = middle - (image.sum(1) @ place) / total
    right = middle - (image.sum(0) @ place) / total
    return np.roll(image, (int(np.rint(down)), int(np.rint(right))), axis=(0, 1))


# ----------------------------------------------------------------------------------------------- steel


def draw_steel(n_per_class, seed=0, defects=True):
    """Draw hot-rolled steel with the six NEU surface defects.

    n_per_class: images of each class. seed: a non-negative int. defects: False draws the same strips of steel without
    them, so that what a network makes of the steel alone can be seen: masks are then empty, and so are boxes.
    Returns (images, labels, masks, boxes), n = 6 * n_per_class:
        images float32 (n, 200, 200, 1) in [0, 1], in steps of 1/255 like the 8-bit originals;
        labels int64 (n,), indices into STEEL_CLASSES; the classes take turns: image i has the label i % 6;
        masks  bool (n, 200, 200), True on the pixels that the defect was drawn on;
        boxes  list of n int64 arrays (k, 4), x0, y0, x1, y1 in pixels, upper bounds exclusive.
    Mask: where the defect covers at least half of a pixel. Small specks, brush marks and faint streaks are
    part of the steel, not of the defect, as the annotators of NEU saw it.
    Boxes: as annotators do, pieces of the defect that lie close together share one box. "Close" is a distance
    for each class; it grows until there are no more boxes than in NEU's images of that class (4 to 8). Each box
    is the tight bounding box of its pieces, so that all mask pixels lie in boxes; boxes of neighbouring groups
    may overlap. Every defect has at least one box; the largest comes first.
    Raises ValueError for an n_per_class or a seed that is not a whole number of at least 0.
    """
    _require_count("n_per_class", n_per_class)
    _require_count("seed", seed)
    n, size = n_per_class * len(STEEL_CLASSES), STEEL_SIZE
    labels = np.arange(n, dtype=np.int64) % len(STEEL_CLASSES)
    images = np.zeros((n, size, size, 1), np.float32)
    masks = np.zeros((n, size, size), bool)
    boxes = []
    for i, label in enumerate(labels):
        draw, reach, most, speckle = _TEXTURES[STEEL_CLASSES[label]]
        rng = np.random.default_rng([seed, i])
        while masks[i].sum() < _SMALLEST:  # chance may put a whole defect beside the image
            steel, grey, masks[i] = draw(rng)
        sharp = 1 + speckle * rng.standard_normal((size, size), np.float32)
        images[i, :, :, 0] = np.rint(np.clip(sharp * (grey if defects else steel), 0, 255)) / 255
        masks[i] &= defects
        boxes.append(_group_boxes(masks[i], reach, most))
    return images, labels, masks, boxes


def _crazing(rng):
    """A net of fine dark cracks, mostly across the strip, dense in some fields, on coarse bright grain."""
    level = rng.triangular(85, 160, 180)
    grain = 0.75 * _grain(rng, 0.6, 0.7) + 0.35 * _grain(rng, 0.7, 3) + 0.45 * _grain(rng, 1.6, 1.6)
    grain += 0.3 * _brushed(rng)
    ground = level * (1 + _light(rng, 0.10, 0.03) + 0.11 * grain)
    cover = np.zeros((STEEL_SIZE, STEEL_SIZE), np.float32)
    field = _grain(rng, 24, 18) - rng.uniform(0.1, 1.2)
    for _ in range(2):
        cover = np.maximum(cover, _cracks(rng, field))
    for _ in range(rng.poisson(1.2)):
        _smudge(rng, cover, rng.uniform(0, STEEL_SIZE, 2))
    cover = _without_crumbs(cover, 36)
    depth = level * rng.uniform(0.28, 0.46)
    ground += 0.055 * level * _grain(rng, 3.5, 3)
    faint = np.maximum(cover, 0.45 * _cracks(rng, field + 0.7))  # cracks that only their neighbours give away
    return ground, ground - depth * cv2.GaussianBlur(faint, (3, 3), 0.7), cover >= 0.5


def _inclusion(rng):
    """Soft dark lens-shaped marks, drawn out along the rolling direction, on smooth even steel."""
    level = rng.triangular(62, 92, 135) if rng.random() < 0.93 else rng.uniform(160, 225)
    grain = 2.0 * _grain(rng, 0.8, 0.9) + 1.4 * _grain(rng, 1, 8) + 1.5 * _grain(rng, 3, 6)
    ground = level * (1 + _light(rng, 0.08, 0.05)) + grain
    shade = np.zeros((STEEL_SIZE, STEEL_SIZE), np.float32)
    mask = np.zeros((STEEL_SIZE, STEEL_SIZE), bool)
    tilt = rng.normal(0, 0.05)
    marks = []
    if rng.random() < 0.4:
        half = rng.uniform([8, 50], [24, 130])
        marks.append((rng.uniform(0.4, 0.75), _streak(rng, rng.uniform(20, 180, 2), half, tilt)))
    for _ in range(rng.integers(1, 4)):
        centre, spread = rng.uniform(15, 185, 2), rng.uniform([3, 8], [16, 40])
        for _ in range(rng.integers(2, 8)):
            half = np.exp(rng.uniform(np.log([1.4, 5]), np.log([4.0, 30])))
            marks.append((rng.uniform(0.45, 1), _lens(rng, rng.normal(centre, spread), half, tilt)))
    for strength, mark in marks:
        shade = np.maximum(shade, strength * mark)
        mask |= mark >= 0.5
    depth = level * rng.uniform(0.22, 0.42)
    return ground, ground - depth * cv2.GaussianBlur(shade, (0, 0), 0.9), mask


def _patches(rng):
    """Large dark patches with soft frayed edges on bright, coarse, often overexposed steel."""
    exposure = rng.triangular(0.4, 0.95, 1.2)
    grain = 0.75 * _grain(rng, 0.55, 0.75) + 0.4 * _grain(rng, 0.7, 3) + 0.35 * _grain(rng, 1.8, 1.8)
    grain += 0.3 * _brushed(rng)
    ground = 210 * (1 + _light(rng, 0.13, 0.05)) + 22 * grain
    outline = 0.8 * _grain(rng, 12, 15) + 0.25 * _grain(rng, 4, 5)
    fray = 0.5 * grain + 0.5 * _grain(rng, 2, 3)
    cover = np.zeros((STEEL_SIZE, STEEL_SIZE), np.float32)
    for _ in range(rng.integers(1, 6)):
        half = rng.uniform([14, 18], [34, 70])
        patch = _patch(rng, rng.uniform(15, STEEL_SIZE - 15, 2), half, outline + 0.13 * fray)
        cover = np.maximum(cover, patch * rng.uniform(0.85, 1))
    cover = _without_crumbs(cover, 150)
    dark = 52 + 8 * _grain(rng, 14, 14) + 8 * grain
    specks = 110 * _specks(rng, rng.poisson(5))
    grey = ground + cover * (dark - ground)
    return exposure * (ground - specks), exposure * (grey - specks * (1 - cover)), cover >= 0.5


def _pitted_surface(rng):
    """Countless small dark pits, denser in some bands of the strip than in others, on bright smooth steel."""
    level = rng.triangular(65, 215, 248)
    ground = level * (1 + _light(rng, 0.055, 0.09)) + 2.8 * _grain(rng, 0.8, 1) + 2 * _grain(rng, 3, 12)
    size = rng.triangular(0.75, 0.9, 1.9)
    rough = _turned(rng, size, size * rng.uniform(0.8, 1.5), rng.uniform(-0.6, 0.6))
    rough = rough - cv2.GaussianBlur(rough, (0, 0), 3 * size)  # pits keep their distance
    dense = _light(rng, 0.25, 0.15) + 0.2 * _grain(rng, 15, 30)
    cover = _soft_step((rough / rough.std() - rng.uniform(0.7, 1.8) + dense) / 0.35)
    if rng.random() < 0.25:
        edge = np.array([rng.choice([0, STEEL_SIZE]), rng.uniform(0, STEEL_SIZE)])
        fray = _grain(rng, 6, 10) + 0.4 * _grain(rng, 2, 2)
        cover = np.maximum(cover, _patch(rng, edge, rng.uniform([10, 25], [25, 70]), fray, soft=0.1))
    depth = level * rng.uniform(0.16, 0.4) * np.clip(0.85 + 0.2 * _grain(rng, 4, 6), 0.4, 1.2)
    return ground, ground - depth * cv2.GaussianBlur(cover, (3, 3), 0.6), cover >= 0.5


def _rolled_in_scale(rng):
    """Small dark flakes of scale pressed into the strip, each with a lit rim, gathered in fields."""
    level = rng.triangular(75, 140, 158)
    grain = 0.65 * _grain(rng, 0.5, 0.4) + 0.6 * _turned(rng, 2.1, 0.5, rng.normal(-0.03, 0.06)) + 0.2 * _brushed(rng)
    cloud = 0.045 * _grain(rng, 10, 6) + 0.035 * _grain(rng, 4, 2.5)
    ground = level * (1 + _light(rng, 0.08, 0.02) + 0.062 * grain + cloud)
    cover = np.zeros((STEEL_SIZE, STEEL_SIZE), np.float32)
    for _ in range(rng.integers(1, 4)):
        centre, spread = rng.uniform(20, 180, 2), rng.uniform([12, 20], [35, 70])
        for _ in range(rng.integers(8, 28)):
            _flake(rng, cover, rng.uniform(centre - spread, centre + spread))
    field = np.minimum(cv2.GaussianBlur(cover, (0, 0), 8) * 4, 1)
    rim = np.clip(np.roll(cover, (-3, 1), (0, 1)) - cover, 0, 1)
    lit = cv2.GaussianBlur(rim, (0, 0), 1.5) * 0.13 + field * 0.08
    ragged = np.clip(0.75 + 0.35 * _grain(rng, 1.6, 1), 0.3, 1.2)
    shade = rng.uniform(0.35, 0.6) * ragged * cv2.GaussianBlur(cover, (0, 0), 1.0)
    return ground, ground * (1 + lit - shade), cover >= 0.5


def _scratches(rng):
    """Bright lines and streaky bands along the rolling direction on dark smooth steel."""
    level = rng.triangular(45, 75, 155)
    grain = 2.0 * _grain(rng, 0.8, 0.9) + 1.5 * _grain(rng, 1.0, 12) + 1.5 * _grain(rng, 3, 20)
    ground = level * (1 + _light(rng, 0.08, 0.06)) + grain
    glow, faint = np.zeros((2, STEEL_SIZE, STEEL_SIZE), np.float32)
    mask = np.zeros((STEEL_SIZE, STEEL_SIZE), bool)
    for _ in range(rng.integers(1, 4)):
        line, light = _scratch(rng)
        glow = np.maximum(glow, rng.uniform(45, 200) * light)
        mask |= line >= 0.5
    for _ in range(rng.poisson(1.5)):
        faint = np.maximum(faint, rng.uniform(5, 15) * _scratch(rng)[1])  # faint streaks: part of the steel
    steel, grey = (ground + cv2.GaussianBlur(lines, (3, 3), 0.6) for lines in (faint, np.maximum(glow, faint)))
    return (steel.T, grey.T, mask.T) if rng.random() < 0.25 else (steel, grey, mask)


# How each class is drawn; the distance in pixels within which pieces of its defect share a box; the most boxes; how
# strong its finest grain is, from pixel to pixel.
_TEXTURES = {
    "crazing": (_crazing, 22, 4, 0.045),
    "inclusion": (_inclusion, 8, 8, 0.01),
    "patches": (_patches, 4, 7, 0.045),
    "pitted_surface": (_pitted_surface, 24, 4, 0.012),
    "rolled-in_scale": (_rolled_in_scale, 24, 4, 0.02),
    "scratches": (_scratches, 16, 5, 0.011),
}


def _group_boxes(mask, reach, most):
    """Boxes (k, 4), at most `most`, around groups of mask pieces that lie within `reach` pixels of each other."""
    while True:
        joined = cv2.dilate(mask.astype(np.uint8), np.ones((reach + 1, reach + 1), np.uint8))
        count, groups = cv2.connectedComponents(joined)
        if count - 1 <= most:
            break
        reach += reach // 2
    boxes = [_tight_box(mask & (groups == group)) for group in range(1, count)]
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]
    return np.array([boxes[i] for i in np.argsort(areas, kind="stable")[::-1]], np.int64).reshape(-1, 4)


def _tight_box(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


# ------------------------------------------------------------------------------- the painter's brushes


def _grain(rng, sigma_x, sigma_y):
    """Gaussian noise (200, 200) of standard deviation 1, blurred by sigma_x across and sigma_y along the strip."""
    noise = rng.standard_normal((STEEL_SIZE, STEEL_SIZE), np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    return soft / soft.std()


def _turned(rng, sigma_x, sigma_y, angle):
    """`_grain` whose grain lies at `angle` (radians)."""
    reach = int(np.ceil(3 * max(sigma_x, sigma_y)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-((u / sigma_x) ** 2 + (v / sigma_y) ** 2) / 2)
    noise = rng.standard_normal((STEEL_SIZE, STEEL_SIZE), np.float32)
    soft = cv2.filter2D(noise, -1, kernel, borderType=cv2.BORDER_REFLECT)
    return soft / soft.std()


def _brushed(rng):
    """Fine hairs at a slant, as brushes and rolls leave them."""
    return _turned(rng, 6, 0.5, rng.uniform(-0.6, 0.1))


def _light(rng, columns, rows):
    """Uneven lighting (200, 200) around 0: soft vertical bands and a slow change along the strip."""
    band = _line_noise(rng, rng.uniform(8, 30)) + 0.7 * rng.normal() * np.linspace(-1, 1, STEEL_SIZE)
    slow = _line_noise(rng, 50)
    for shaded in band, slow:  # one side may fall into shade
        if rng.random() < 0.3:
            shaded -= rng.uniform(1, 3.5) * np.linspace(0, 1, STEEL_SIZE)[:: rng.choice([-1, 1])] ** 2
    strength = rng.uniform(0.5, 1.5)
    return strength * (columns * band[None, :] + rows * slow[:, None]).astype(np.float32)


def _line_noise(rng, sigma, n=STEEL_SIZE):
    """Smooth noise (n,) of standard deviation 1."""
    noise = cv2.GaussianBlur(rng.standard_normal((n, 1)), (1, 0), sigmaX=1, sigmaY=sigma)
    return (noise[:, 0] - noise.mean()) / noise.std()


def _soft_step(x):
    """0 well below zero, 1 well above: the logistic function."""
    return (1 / (1 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)


def _plane():
    """Pixel coordinates x (1, 200) and y (200, 1)."""
    line = np.arange(STEEL_SIZE, dtype=np.float32)
    return line[None, :], line[:, None]


def _path(cover, points, widths, strength=1.0):
    """Draw a line of varying width through points (k, 2), antialiased, onto cover (200, 200) in [0, 1]."""
    ink = np.zeros((STEEL_SIZE * 2, STEEL_SIZE * 2), np.uint8)
    fixed = np.rint(np.asarray(points) * 2 * 16).astype(int).tolist()
    for start, end, width in zip(fixed[:-1], fixed[1:], np.maximum(np.rint(2 * widths), 1).astype(int).tolist(), strict=True):
        cv2.line(ink, start, end, 255, width, cv2.LINE_AA, 4)
    drawn = cv2.resize(ink, (STEEL_SIZE, STEEL_SIZE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    np.maximum(cover, strength * drawn, out=cover)


def _cracks(rng, field):
    """A net of thin lines (200, 200) in [0, 1], where `field` is above 0.

    A crack follows the zero line of a smooth noise drawn out across the strip; dividing by the slope
    turns the noise into a distance in pixels, and a second noise breaks the line into pieces.
    """
    noise = _turned(rng, rng.uniform(9, 15), rng.uniform(4, 6), rng.normal(0, 0.2)) + 0.1 * _grain(rng, 1.5, 1.2)
    slope_y, slope_x = np.gradient(noise)
    distance = np.abs(noise) / (np.hypot(slope_x, slope_y) + 0.02)
    pieces = np.minimum(field, 0.8) + 0.8 * _grain(rng, 7, 5) - 0.3
    width = np.clip(0.75 + 0.35 * _grain(rng, 6, 6), 0.3, 2)
    return _soft_step((width - distance) / 0.25) * _soft_step(pieces / 0.15)


def _smudge(rng, cover, start):
    """A short thick blot, where cracks have broken out."""
    points = start + np.cumsum(rng.normal(0, [2, 4], (rng.integers(3, 7), 2)), 0)
    _path(cover, points, rng.uniform(2, 5, len(points) - 1))


def _flake(rng, cover, centre):
    """A flat flake of scale: a few dabs in a row across the strip."""
    width = rng.uniform(1.8, 4.5)
    points = centre + np.cumsum(rng.normal([2.2, 0.0], [1.3, 0.9], (rng.integers(2, 5), 2)), 0)
    _path(cover, points, width * rng.uniform(0.6, 1, len(points) - 1), rng.uniform(0.6, 1))


def _lens(rng, centre, half, tilt):
    """A mark of half-axes `half` (x, y), pointed at both ends, (200, 200) in [0, 1]."""
    u, v = _along(rng, centre, half, tilt)
    return _soft_step((1 - np.abs(u) ** 1.6 - np.abs(v) ** 1.6) / (0.15 + 0.3 / half[0]))


def _streak(rng, centre, half, tilt):
    """A large `_lens` that streaks along the strip fray into strands."""
    u, v = _along(rng, centre, half, tilt)
    streaks = 0.5 * _grain(rng, 2, 25) + 0.25 * _grain(rng, 1, 7) + 0.25 * _grain(rng, 5, 20)
    return _soft_step((0.8 - np.abs(u) ** 1.6 - np.abs(v) ** 2 + streaks) / 0.2)


def _along(rng, centre, half, tilt):
    """Coordinates u across and v along a mark, 1 at its half-axes; its spine wavers a little."""
    x, y = _plane()
    spine = centre[0] + tilt * (y - centre[1]) + 0.35 * min(half[0], 6) * _line_noise(rng, 9)[:, None]
    return (x - spine) / half[0], (y - centre[1]) / half[1]


def _patch(rng, centre, half, outline, soft=0.3):
    """A rounded rectangle of half-axes `half` (x, y) whose edge is displaced by the noise `outline`."""
    x, y = _plane()
    lean = rng.normal(0, 0.15)
    u = np.abs((x - centre[0] - lean * (y - centre[1])) / half[0])
    v = np.abs((y - centre[1]) / half[1])
    distance = (u**3 + v**3) ** (1 / 3)
    return _soft_step((1 - distance + 0.3 * outline) / rng.uniform(0.3 * soft, 0.6 * soft))


def _without_crumbs(cover, smallest):
    """`cover` with the pieces wiped out that have fewer than `smallest` pixels in the mask."""
    _, pieces = cv2.connectedComponents((cover >= 0.5).astype(np.uint8))
    small = np.bincount(pieces.ravel()) < smallest
    small[0] = False  # what is not in the mask
    crumbs = small[pieces]
    wiper = np.minimum(6 * cv2.GaussianBlur(crumbs.astype(np.float32), (0, 0), 2), 1)
    return np.where((cover >= 0.5) & ~crumbs, cover, cover * np.where(crumbs, 0, 1 - wiper)).astype(np.float32)


def _specks(rng, count):
    """A few small black specks in loose groups, (200, 200) in [0, 1]."""
    cover = np.zeros((STEEL_SIZE, STEEL_SIZE), np.float32)
    centre = rng.uniform(0, STEEL_SIZE, 2)
    for _ in range(count):
        start = rng.normal(centre, 30)
        _path(cover, start + np.cumsum(rng.normal(0, 1.5, (3, 2)), 0), rng.uniform(1.5, 4, 2))
    return cv2.GaussianBlur(cover, (0, 0), 0.8)


def _scratch(rng):
    """One scratch along the strip: where it is, and its light; both (200, 200) in [0, 1].

    It is a thin line, or a band of many parallel lines.
    """
    x, y = _plane()
    band = rng.random() < 0.4
    width = rng.uniform(8, 30) if band else rng.uniform(1.5, 5)
    slope = rng.normal(0, 0.02) if rng.random() < 0.85 else rng.normal(0, 0.15)
    length = np.exp(rng.uniform(np.log(60), np.log(600)))
    ragged = 0.25 * _line_noise(rng, 20)[:, None] + 0.25 * _grain(rng, 1, 6)
    u = x - rng.uniform(10, 190) - slope * (y - 100)
    where = _soft_step((width / 2 - np.abs(u) + ragged) / 0.5)
    where = where * _soft_step((length / 2 - np.abs(y - rng.uniform(0, STEEL_SIZE))) / rng.uniform(2, 12))
    lines = np.interp(u, np.arange(-400, 400), _line_noise(rng, 0.8, 800)) if band else 0
    light = 0.65 + 0.3 * lines + 0.15 * _grain(rng, 0.7, 5) + 0.08 * _grain(rng, 1, 0.6)
    light = light + 0.12 * _line_noise(rng, 25)[:, None]
    return where, (where * np.clip(light, 0.15, 1)).astype(np.float32)


def _require_count(name, value):
    """Raise ValueError unless value is a whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(say("{name} must be a whole number of at least 0, not {value!r}.", name=name, value=value))
