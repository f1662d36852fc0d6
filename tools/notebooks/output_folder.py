"""Sees, before a command computes for minutes, that what it computes can be written."""
import sys
import tempfile

from .languages import say

PROBE = 20_000_000  # bytes: all pages of the notebooks, and more than any one file


def make_ready(folder):
    """Make the folder and write into it as a trial; where that fails, end with a sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(PROBE))
    except OSError as error:
        not_written(folder, error)


def not_written(folder, error):
    """End with the sentence for an OSError met while writing into the folder."""
    sys.exit(say("{folder} can't be written to ({error}). Make room there, or copy the course to a folder of your own, and run "
                 "the same command again.", folder=folder, error=error.strerror))
