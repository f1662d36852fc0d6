"""A network in a `.keras` file, opened without running code of its maker's.

Such a file names the layers it is made of, and Keras looks each name up. Here all names are read first: only those of
Keras' own layers, and of what they are made of, are let through. Keras' own safe mode stays on besides.
"""

import json
import zipfile
from pathlib import Path

import keras

from ..explain import surgery
from ..language import say

_OWN = ("keras.layers", "keras.initializers", "keras.activations", "keras.regularizers", "keras.constraints",
        "keras.dtype_policies", "keras.ops", "keras.src.models", "keras.src.ops", "keras.src.layers", "keras.models")
_OF_KERAS = {"DTypePolicy", "Functional", "Sequential", "Model"}            # what stands in the module `keras` itself
_RUNS_OR_READS = {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer",   # foreign programs
                  "StringLookup", "IntegerLookup", "TextVectorization"}                                 # files named within
_DESCRIPTION = "config.json"
LARGEST_DESCRIPTION = 50_000_000      # bytes; that of a network of a thousand layers takes one million


def network_from(model):
    """A Keras model as it is; the one in the `.keras` file whose path was passed, loaded.

    Raises FileNotFoundError for a missing file; ValueError for one that is none of Keras', or needs code of its own.
    """
    if not isinstance(model, (str, Path)):
        surgery.require_graph(model)
        return model
    path = Path(model)
    if not path.is_file():
        raise FileNotFoundError(say("there is no file {path}; model must be a keras.Model or the path of a .keras file",
                                    path=path))
    foreign = sorted(_foreign(_description(path)))
    if foreign:
        raise ValueError(say("{file} needs code of its own, which is not run: {names}. Load it yourself where you trust its "
                             "maker, and pass the model: audit(model, ...)", file=path.name, names=", ".join(foreign)))
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:        # Keras raises many kinds, each with a page of details
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ValueError(say("{file} cannot be loaded: {reason}", file=path.name, reason=reason[:300])) from error
    surgery.require_graph(network)
    return network


def _description(path):
    """What the file says of its layers."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(_DESCRIPTION).file_size > LARGEST_DESCRIPTION:
                raise ValueError(say("the description of the network in {file} is too long to be one", file=path.name))
            description = json.loads(archive.read(_DESCRIPTION))
    except (zipfile.BadZipFile, KeyError, EOFError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(say("{file} is no network that Keras saved as .keras. Files of other kinds, such as .h5, are not "
                             "opened: load such a network yourself and save it with model.save('name.keras')",
                             file=path.name)) from error
    return description


def _foreign(part):
    """The names in a description that are not Keras' own, or that would run or read something."""
    if isinstance(part, list):
        return {name for each in part for name in _foreign(each)}
    if not isinstance(part, dict):
        return set()
    found = {name for key, each in part.items() if key != "compile_config" for name in _foreign(each)}
    name, module = part.get("class_name"), part.get("module")
    if name is not None and not _is_own(str(name), module and str(module)):
        found.add(say("{name} (of {module})", name=name, module=module) if module else str(name))
    if _is_code(part.get("value")):
        found.add(say("a function written in the file"))
    return found


def _is_code(value):
    """Whether this is how Keras writes down a lambda: its code, its defaults, what it closes over."""
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _is_own(name, module):
    if name in _RUNS_OR_READS:
        return False
    if module is None:                # how Keras notes tensors, shapes and the like
        return name.startswith("__")
    return module == "keras" and name in _OF_KERAS or any(module == own or module.startswith(f"{own}.") for own in _OWN)
