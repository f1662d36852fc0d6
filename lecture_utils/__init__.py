"""Helpers of the course: data, models, the methods, and how their maps are drawn and judged.

What a student imports is listed in ``__init__.pyi``, which editors read. Each name is looked up on first use, so that
``from lecture_utils import load_mnist`` does not wait for TensorFlow. The examples in docstrings begin after
``from lecture_utils import *`` and ``import numpy as np``; `tests/test_docstrings.py` runs them.

Imports run one way: explorer, auditing → plots → checks → clinic → evaluate, models → explain, localize, datasets. Whoever
reads a room needs only those to its right; ``asking``, ``quiet``, ``versions`` and ``png`` stand apart. What any of them says
to a reader is told by ``language``, in English or Korean.
"""

import os

import lazy_loader

from .language import say

# Keras reads this once, when it is first imported; where it isn't set, ~/.keras/keras.json would count.
if os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ImportError(say("the course's methods are written in TensorFlow, and KERAS_BACKEND is {backend!r}: unset it, or set it "
                          "to 'tensorflow', before Keras is imported", backend=os.environ["KERAS_BACKEND"]))

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
