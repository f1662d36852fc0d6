"""Fetches the real data sets and ImageNet's SqueezeNet, and shows what is where: `python3 course.py data`.

STL-10 and ImageNet's VGG16 are large, and only fetched by their names: `python3 course.py data STL-10`.
"""
import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import lecture_utils.quiet  # noqa: F401  (before anything that loads TensorFlow)
from lecture_utils import DataError, models
from lecture_utils.datasets import loaders

from .notebooks.languages import add_language, columns, padded, say


class Wanted(NamedTuple):
    """What can be fetched: a data set, or a network's weights."""

    name: str
    fetch: Callable  # () -> None; downloads it unless it is there, and raises DataError if it cannot be had
    large: str = ""  # the size of what is only fetched by its name


def everything():
    sets = [Wanted(recipe.name, partial(loaders.fetch_missing, recipe), recipe.large) for recipe in loaders.DATA_SETS]
    return [*sets, Wanted("SqueezeNet", models.fetch_squeezenet), Wanted("VGG16", models.fetch_vgg16, "553 MB")]


def main(arguments=None):
    """Fetch what is missing (unless asked only to show), print what is where; 0 if nothing is amiss, else 1."""
    asked = parse(arguments)
    wanted = [] if asked.show else asked.names or [one for one in everything() if not one.large]
    complete = all([fetched(one) for one in wanted])
    rows = [*loaders.where_is_the_data(), *models.where_are_the_weights()]
    for row in rows:
        count = say("{n:,} images", n=row.images) if row.images else ""
        print(padded(say(row.name), 12), padded(say(row.source), 15), " " * (14 - columns(count)) + count + " ",
              row.path or row.remark)
    return 0 if complete and all(row.source != "broken" for row in rows) else 1


def parse(arguments):
    large = ", ".join(f"{one.name}, {one.large}" for one in everything() if one.large)
    parser = argparse.ArgumentParser(prog="course.py data", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", type=named, metavar="NAME",
                        help=f"fetch only these; without a name, all but those that are large: {large}")
    add_language(parser)
    parser.add_argument("--show", action="store_true", help="download nothing")
    return parser.parse_args(arguments)


def named(name):
    """The `Wanted` of a name on the command line: STL-10, stl10."""
    plain = lambda name: name.lower().replace("-", "")
    found = [one for one in everything() if plain(one.name) == plain(name)]
    if not found:
        names = ", ".join(one.name for one in everything())
        raise argparse.ArgumentTypeError(say("there is no {name}; there are {names}", name=name, names=names))
    return found[0]


def fetched(wanted):
    """Download it if it is not there; whether it is there then."""
    try:
        wanted.fetch()
    except DataError as error:
        print(f"{wanted.name}: {error}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
