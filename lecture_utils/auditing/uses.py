"""What the maps may be used for: it follows from the tests.

A use rests on some tests. One that failed forbids it, one that could not be asked leaves it open.
"""

from typing import NamedTuple

from ..language import say, worded

YES, NO, OPEN = worded("yes"), worded("no"), worded("not known")


class Use(NamedTuple):
    """A use of the maps, whether they are fit for it (None: not known), and why in a sentence."""

    name: str
    fit: bool | None
    because: str

    @property
    def verdict(self):
        """The same in a word: yes, no or not known."""
        return say({True: YES, False: NO, None: OPEN}[self.fit])


_SCORE, _PIXELS, _OBJECT, _CLASSES, _SHORTCUT = (
    worded("to show where the score comes from"), worded("to name the pixels that the answer needs"),
    worded("to point at the object"), worded("to compare two classes"), worded("to find a shortcut"))
_RESTS_ON = {
    _SCORE: ("same answer", "score", "CAM theory", "slope", "not empty", "random top", "random network", "placement",
             "grey images"),
    _PIXELS: ("same answer", "not empty", "placement", "erased pixels"),
    _OBJECT: ("accuracy", "same answer", "placement", "grey images", "pointing", "energy", "fixed place"),
    _CLASSES: ("every class", "names", "score", "slope", "class sensitivity", "random top"),
    _SHORTCUT: ("same answer", "slope", "placement", "not empty", "random network"),
}
_SAID_BESIDES = {
    _SCORE: worded("Only where global average pooling ends the network does the map add up to the score."),
    _SHORTCUT: worded("A map raises the suspicion; only a changed image proves it."),
    _PIXELS: worded("On average over the images, beside random order alone, and with a blur in their place: "
                    "try other baselines."),
    _OBJECT: worded("More often than chance is not always: see how many peaks hit. It holds for images like these, which show an "
                    "object."),
}
_NEVER = {
    worded("to tell whether there is an object at all"): worded("It names a class on an empty image, too, and has a map of it."),
    worded("to prove that an answer is right"): worded("Maps of wrong answers look like those of right ones."),
    worded("to prove that there is no shortcut"): worded("One that lies everywhere (a grain, a hue) has no place to be shown."),
    worded("to prove what causes an answer"): worded("A map knows the image as it is; a cause shows when the image is changed."),
}


def uses(passed) -> list[Use]:
    """Every use with its verdict, from a dict of test → True, False or None."""
    return ([_judged(name, tests, passed) for name, tests in _RESTS_ON.items()] +
            [Use(say(name), False, say(because)) for name, because in _NEVER.items()])


def _judged(name, tests, passed):
    failed = [test for test in tests if passed[test] is False]
    # Some tests do not apply to some networks, and nothing is missing then; without masks nobody knows what is pointed at.
    missing = [test for test in tests if passed[test] is None and test in _CANNOT_BE_SPARED]
    besides = say(_SAID_BESIDES.get(name, ""))
    if failed:
        return Use(say(name), False, say("Failed: {tests}.", tests=_listed(failed)))
    if missing:
        told = say("Could not be asked: {tests}.", tests=_listed(missing))
        return Use(say(name), None, f"{told} {besides}".strip())
    return Use(say(name), True, f"{say('Passed what could be asked of all that it rests on.')} {besides}".strip())


def _listed(tests):
    return ", ".join(map(say, tests))


_CANNOT_BE_SPARED = {"pointing", "energy", "class sensitivity", "random top", "random network", "erased pixels", "slope"}
