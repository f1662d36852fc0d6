"""Writes a benchmark's table into its place in benchmarks/README.md, with what it was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

README = Path(__file__).with_name("README.md")


def write(name, text):
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = README.read_text(encoding="utf-8").partition(begin)
    if not found or end not in rest:
        raise SystemExit(f"{README.name} has no place for the table: it needs {begin.strip()} and {end}")
    README.write_text(before + begin + text + end + rest.partition(end)[2], encoding="utf-8")


def machine():
    return (f"\nTensorFlow {version('tensorflow')}, Keras {version('keras')}, Python {platform.python_version()}, "
            f"{os.cpu_count()} cores, {platform.machine()}.\n")
