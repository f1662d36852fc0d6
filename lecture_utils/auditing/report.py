"""`audit`: every test in turn, what follows for the use of the maps, and the page."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tqdm.auto import tqdm

from ..files import whole
from ..language import say, worded
from . import answers, maps, page
from .networks import network_from
from .subject import CannotBeAskedError, Outcome, Subject
from .uses import Use, uses


class Test(NamedTuple):
    """One question to a network or its maps; `ask` is a function of a `Subject` and returns an `Outcome`."""

    name: str
    question: str
    ask: Callable


TESTS = (
    Test(worded("accuracy"), worded("Is it right more often than by chance?"), answers.accuracy),
    Test(worded("every class"), worded("Is every class answered at least once?"), answers.every_class),
    Test(worded("names"), worded("Do the outputs stand in the order of the names?"), answers.names_of_outputs),
    Test(worded("value range"), worded("Do the images come in the range that the network expects?"), answers.value_range),
    Test(worded("colour order"), worded("Do red, green and blue come in its order?"), answers.colour_order),
    Test(worded("same answer"), worded("Is the answer the same alone, among others, and a second time?"),
         answers.alone_or_among_others),
    Test(worded("batch statistics"), worded("Do its batch normalizations fit these images?"), answers.batch_statistics),
    Test(worded("score"), worded("Is the explained score one before softmax?"), answers.score),
    Test(worded("CAM theory"), worded("Is Z · Grad-CAM the CAM, as it must be under this head?"), maps.cam_theory),
    Test(worded("slope"), worded("Does the score follow the gradient?"), maps.slope),
    Test(worded("placement"), worded("Is it known where the cells look?"), maps.placement),
    Test(worded("not empty"), worded("Do the maps hold anything?"), maps.not_empty),
    Test(worded("class sensitivity"), worded("Do two classes have two maps?"), maps.class_sensitivity),
    Test(worded("random top"), worded("Does the map change with a random last layer?"), maps.random_top),
    Test(worded("random network"), worded("Is it another than an untrained network's?"), maps.random_network),
    Test(worded("erased pixels"), worded("Does erasing what it marks cost more than erasing at random?"), maps.erased),
    Test(worded("grey images"), worded("Is the rim dark where nothing is there?"), maps.grey_images),
    Test(worded("pointing"), worded("Does the peak hit the object more often than by chance?"), maps.pointing),
    Test(worded("energy"), worded("Does more of the evidence lie in the object than by chance?"), maps.energy),
    Test(worded("fixed place"), worded("Is no class given away by something at a fixed place?"), maps.fixed_place),
)


class Finding(NamedTuple):
    """One test's result. `passed` is None where it could not be asked; `remark` says why, or what to do."""

    name: str
    question: str
    measured: str
    sound: str
    passed: bool | None
    remark: str


class Audit:
    """What `audit` found: `findings`, `uses`, the `path` of the page, and `passed`, a dict of test → True, False or None."""

    def __init__(self, subject: Subject, findings: list[Finding], said: list[str], path: Path):
        self.findings, self.said, self.path = findings, said, path
        self.network, self.layer, self.images = subject.model.name, subject.step.name, subject.given
        self.uses: list[Use] = uses(self.passed)

    @property
    def passed(self) -> dict[str, bool | None]:
        """Each test's name, and whether it was passed; None where it could not be asked."""
        return {finding.name: finding.passed for finding in self.findings}

    def __str__(self):
        """A table of two columns, the uses below it."""
        lines = [self.summary(), ""]
        lines += [f"{MARKS[each.passed]} {each.name:<18} {each.measured}"
                  + (say("; sound: {sound}", sound=each.sound) if each.sound else "") for each in self.findings]
        lines += [f"  → {say(each.name)}: {each.remark}" for each in self.findings if each.remark and each.passed is False]
        lines += ["", say("The maps may be used")]
        lines += [f"  {use.name}: {use.verdict}. {use.because}" for use in self.uses]
        return "\n".join([*lines, "", say("The page: {path}", path=self.path)])

    __repr__ = __str__

    def _repr_html_(self):
        return (f"<p>{html.escape(self.summary())}</p>{page.table_of(self.findings)}{page.table_of_uses(self.uses)}"
                f"<p>{say('The page: {path}', path=f'<code>{html.escape(str(self.path))}</code>')}</p>")

    def summary(self):
        """One sentence."""
        asked = [each.passed for each in self.findings if each.passed is not None]
        return say("{network}, maps of {layer}: {passed} of {asked} tests passed.", network=self.network, layer=self.layer,
                   passed=sum(asked), asked=len(asked))


MARKS = {True: "✓", False: "✗", None: "·"}


def audit(model, images, labels, *, class_names=None, masks=None, layer=None, path="audit.html", progress=True) -> Audit:
    """Test a network and its Grad-CAM maps on your own images, and write the page that says what the maps are good for.

    Twenty tests: of the answers (right, every class, their names; range and colours of the images; the same alone and in
    a batch) and of the maps (gradient, place, class, random networks, erased pixels, padding, objects, shortcuts). Each
    number stands beside its chance level or what a sound network gives, with a 95 % interval over the images.

    model: a keras.Sequential or functional model as for `grad_cam`; or the path of a `.keras` file, which is opened
        without running code in it.
    images: (n, height, width, channels), as the network takes them, n at least 8, better 100; at most 240 are asked, 48
        explained, a random choice that is always the same.
    labels: the true classes, integers (n,), two of them at least. class_names: a name for each of the model's classes.
    masks: bool (n, height, width), where the objects are; without them nobody can say whether the maps point at them.
    layer: as for `grad_cam`. path: of the page, an HTML file that needs no other. progress: whether to show a bar.

    Returns an `Audit`: it prints as a table; `passed` is a dict of test → True, False or None (could not be asked).
    Raises ValueError, TypeError or FileNotFoundError, with what was expected and what came, for a model without feature
    maps or a file that is none, labels of another length or class, too few images or classes; no page is written then.

    >>> data = load_mnist("embedded")
    MNIST: ... embedded (drawn by code)
    >>> found = audit(load_model("mnist_cnn"), data.x_test, data.y_test, path="build/digits.html", progress=False)
    >>> found.passed["slope"]
    True

    Most of the tests are those of notebooks 3 to 9; Adebayo et al. (see `randomized`); Petsiuk et al. (see `deletion`).
    """
    subject = Subject(network_from(model), images, labels, class_names, masks, layer)
    findings: list[Finding] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        subject.require_maps()
        for test in (bar := tqdm(TESTS, desc=say("audit"), unit=say("test"), disable=not progress)):
            bar.set_postfix_str(test.name)
            findings.append(Finding(test.name, say(test.question), *_asked(test, subject)))
    said = [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
    found = Audit(subject, findings, list(dict.fromkeys(said)), Path(path))
    text = page.written(found, subject)
    with whole(found.path) as part:
        part.write_text(text, encoding="utf-8")
    return found


def _asked(test, subject):
    try:
        outcome = test.ask(subject)
        return outcome._replace(passed=bool(outcome.passed))        # NumPy's bools are others than Python's
    except CannotBeAskedError as reason:
        return _not_asked(reason)
    except (ValueError, TypeError, NotImplementedError) as error:       # the network is of a kind that a step cannot take
        return _not_asked(error)


def _not_asked(reason):
    return Outcome("", "", None, say("Could not be asked, because {reason}.", reason=str(reason).rstrip(".")))
