"""Fetches the real data sets and SqueezeNet's weights, and shows what is where: `python3 course.py data`.

VGG16's weights, 553 MB, are shown and not fetched.
"""
import argparse
import sys

import lecture_utils.quiet  # noqa: F401  (before anything that loads TensorFlow)
from lecture_utils import DataError, models
from lecture_utils.datasets.loaders import fetch_missing, where_is_the_data


def main(arguments=None):
    """Fetch what is missing (unless asked only to show), print what is where; 0 if nothing is amiss, else 1."""
    parser = argparse.ArgumentParser(prog="course.py data", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="download nothing")
    complete = parser.parse_args(arguments).show or all([fetch_missing(), fetch_squeezenet()])
    rows = [*where_is_the_data(), *models.where_are_the_weights()]
    for row in rows:
        count = f"{row.images:,} images" if row.images else ""
        print(f"{row.name:12} {row.source:15} {count:>14}  {row.path or row.remark}".rstrip())
    return 0 if complete and all(row.source != "broken" for row in rows) else 1


def fetch_squeezenet():
    """Download the network for photographs if it is not there; whether it is there then."""
    try:
        models.fetch_squeezenet()
    except DataError as error:
        print(f"SqueezeNet: {error}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
