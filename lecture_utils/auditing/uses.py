"""What the maps may be used for: it follows from the tests.

A use rests on some tests. One that failed forbids it, one that could not be asked leaves it open.
"""

from typing import NamedTuple

YES, NO, OPEN = "yes", "no", "not known"


class Use(NamedTuple):
    """A use of the maps, whether they are fit for it (`YES`, `NO`, `OPEN`), and why in a sentence."""

    name: str
    verdict: str
    because: str


_RESTS_ON = {
    "to show where the score comes from": ("same answer", "score", "CAM theory", "slope", "not empty", "random top",
                                           "random network", "placement", "grey images"),
    "to name the pixels that the answer needs": ("same answer", "not empty", "placement", "erased pixels"),
    "to point at the object": ("accuracy", "same answer", "placement", "grey images", "pointing", "energy", "fixed place"),
    "to compare two classes": ("every class", "names", "score", "slope", "class sensitivity", "random top"),
    "to find a shortcut": ("same answer", "slope", "placement", "not empty", "random network"),
}
_SAID_BESIDES = {
    "to show where the score comes from": "Only where global average pooling ends the network does the map add up to the score.",
    "to find a shortcut": "A map raises the suspicion; only a changed image proves it.",
    "to name the pixels that the answer needs": "It rests on what stands in their place, here a blur.",
    "to point at the object": "It holds for images like these alone.",
}
_NEVER = (
    Use("to tell whether there is an object at all", NO, "It names a class on an empty image, too, and has a map of it."),
    Use("to prove that an answer is right", NO, "Maps of wrong answers look like those of right ones."),
    Use("to prove that there is no shortcut", NO, "One that lies everywhere (a grain, a hue) has no place to be shown."),
    Use("to prove what causes an answer", NO, "A map knows the image as it is; a cause shows when the image is changed."),
)


def uses(passed) -> list[Use]:
    """Every use with its verdict, from a dict of test → True, False or None."""
    return [_judged(name, tests, passed) for name, tests in _RESTS_ON.items()] + [*_NEVER]


def _judged(name, tests, passed):
    failed = [test for test in tests if passed[test] is False]
    # Some tests do not apply to some networks, and nothing is missing then; without masks nobody knows what is pointed at.
    missing = [test for test in tests if passed[test] is None and test in _CANNOT_BE_SPARED]
    besides = _SAID_BESIDES.get(name, "")
    if failed:
        return Use(name, NO, f"Failed: {', '.join(failed)}.")
    if missing:
        return Use(name, OPEN, f"Could not be asked: {', '.join(missing)}. {besides}".strip())
    return Use(name, YES, f"Passed all that it rests on. {besides}".strip())


_CANNOT_BE_SPARED = {"pointing", "energy", "class sensitivity", "random top", "random network", "erased pixels", "slope"}
