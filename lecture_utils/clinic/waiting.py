"""Patients without a name: a heat map's code with one of nine faults, or with none, chosen by a seed."""

import numpy as np

from ..language import say
from . import maps
from .examinations import EXAMINATIONS
from .findings import Finding

SOUND = "sound"
DIAGNOSES = (SOUND, *maps.FAULTS)

# Which examinations each fault fails; it passes all others. tests/test_clinic.py holds the code to this table.
FAILS = {
    SOUND: (),
    "softmax": ("finite differences", "rival bias", "doubled head"),
    "predicted class": ("finite differences", "rival bias", "class asked", "two sides"),
    "½‖y‖²": ("finite differences", "rival bias", "doubled head", "class asked", "two sides"),
    "early ReLU": ("finite differences", "for and against"),
    "one sigmoid": ("two sides",),
    "over the batch": ("in company",),
    "training mode": ("in company", "model afterwards"),
    "cut off": ("wrapped",),
    "activations": ("finite differences", "doubled head", "class asked", "for and against", "two sides", "random head"),
}


class Patient:
    """A heat map's code that cannot be read, only examined."""

    def __init__(self, number, seed, fault):
        self.number, self._seed, self._fault = number, seed, fault

    def examine(self, name) -> Finding:
        """One of the ten examinations, by name. Raises ValueError for one that there is not."""
        if name not in EXAMINATIONS:
            raise ValueError(say("there is no examination {name!r}; there are {names}", name=name, names=", ".join(EXAMINATIONS)))
        return EXAMINATIONS[name]({SOUND: maps.sound, **maps.FAULTS}[self._fault], self._seed)

    def __repr__(self):
        return say("patient {number}, not yet diagnosed", number=self.number)


def waiting_room(seed, n=3) -> list[Patient]:
    """n patients, no two alike; one of them may be sound. Another seed, other patients.

    >>> from lecture_utils import clinic
    >>> clinic.waiting_room(seed=1)[0]
    patient 1, not yet diagnosed
    """
    chosen = np.random.default_rng([seed, 16]).permutation(len(DIAGNOSES))[:n]
    return [Patient(number, 10 * seed + number, DIAGNOSES[index]) for number, index in enumerate(chosen, start=1)]


def refutation(patient, diagnosis):
    """An examination that contradicts a diagnosis, in words; None if the diagnosis is right."""
    should, does = FAILS[diagnosis], FAILS[patient._fault]
    for name in EXAMINATIONS:
        if name in should and name not in does:
            return say("{diagnosis!r} would fail the examination {name!r}, and this patient passes it",
                       diagnosis=diagnosis, name=name)
        if name in does and name not in should:
            return say("{diagnosis!r} would pass the examination {name!r}, and this patient fails it",
                       diagnosis=diagnosis, name=name)
    return None
