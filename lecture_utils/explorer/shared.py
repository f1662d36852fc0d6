"""What both explorers say and ask, read from `shared.toml`: the page in the browser (tools/explorer) and `widgets`."""

import functools
import tomllib
from pathlib import Path

FILE = Path(__file__).with_name("shared.toml")


@functools.cache
def labels(language="en"):
    """Names of controls in "en" or "ko": dict of keys to text."""
    return {key: text[language] for key, text in _shared()["label"].items()}


def presets():
    """The presets as `shared.toml` lists them, a list of dicts."""
    return _shared()["preset"]


@functools.cache
def _shared():
    return tomllib.loads(FILE.read_text("utf-8"))
