"""What a case is, and what an examination finds."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..language import say, worded

WARDS = (worded("what was differentiated"), worded("what went in"), worded("how it was drawn"), worded("which network"),
         worded("what was concluded"))
COMMENTS = (worded("on every image, ruler or not"), worded('"graph disconnected" otherwise'))     # in code that is shown


@dataclass(frozen=True)
class Finding:
    """One number that a test measured, and what a sound patient gives."""

    test: str           # its name, in English in every language
    measured: float
    what: str           # the number's meaning, in the reader's words
    sound: str          # what it is where nothing is wrong
    passed: bool

    def __bool__(self):
        return self.passed

    def __repr__(self):
        number = "—" if np.isnan(self.measured) else f"{round(self.measured, 3) + 0.0:.3g}"
        return say("{mark} {test}: {what} {number}; sound: {sound}", mark="✓" if self.passed else "✗", test=say(self.test),
                   what=self.what, number=number, sound=self.sound)


@dataclass(frozen=True)
class Case:
    """One fault that people really make: what is complained of, the code, the same code mended, the test that tells.

    test: (the broken code or the mended one, seed) → Finding; its oracle knows nothing of how the code is written.
    _ward, _complaint: in English; `ward` and `complaint` are in the reader's language.
    """

    number: int
    name: str
    _ward: str
    _complaint: str
    broken: Callable
    mended: Callable
    test: Callable

    @property
    def ward(self) -> str:
        return say(self._ward)

    @property
    def complaint(self) -> str:
        return say(self._complaint)

    def examine(self, which="broken", seed=0) -> Finding:
        """What the case's own test finds in its "broken" or its "mended" code."""
        return self.test(getattr(self, which), seed)

    def code(self, which="broken") -> str:
        """The code as text, to be read; its comments in the reader's language."""
        source = inspect.getsource(getattr(self, which)).rstrip()
        return re.sub("(?<=# ).+", lambda comment: say(comment[0]), source)

    def difference(self) -> str:
        """The lines that were mended: a - before the broken ones, then a + before those in their place."""
        broken, mended = (self.code(which).splitlines()[1:] for which in ("broken", "mended"))
        return "\n".join([f"- {line}" for line in broken if line not in mended] +
                         [f"+ {line}" for line in mended if line not in broken])


def test_named(name, what, sound):
    """Make a test of a function that measures: (patient, seed) → (number, whether it is sound).

    A patient that stops with an exception has not passed; the finding tells where.
    """
    def wrap(measure):
        def test(patient, seed=0) -> Finding:
            try:
                number, passed = measure(patient, seed)
            except Exception as error:      # whatever the code under test raises is a finding
                told = say("it stopped ({kind}: {error})", kind=type(error).__name__, error=str(error).splitlines()[0][:90])
                return Finding(name, np.nan, told, say(sound), False)
            return Finding(name, float(number), say(what), say(sound), bool(passed))
        test.title, test.__name__, test.__doc__ = name, measure.__name__, measure.__doc__
        return test
    return wrap


def apart(maps, others):
    """The greatest difference of two arrays of maps, as a share of the greatest value; 0 where both are empty."""
    maps, others = np.asarray(maps, float), np.asarray(others, float)
    if maps.shape != others.shape or not np.isfinite(maps).all():
        return np.inf
    return np.abs(maps - others).max() / (max(np.abs(maps).max(), np.abs(others).max()) or 1)
