"""Loads TensorFlow without the log lines of its C++ part. The bootstrap cell of every notebook imports this module.

TF_CPP_MIN_LOG_LEVEL counts only once TensorFlow is loaded. What it says while it loads (that there is no graphics
card, that oneDNN is on) goes past Python, straight to file descriptor 2, and would stand red under the first cell.
"""

import os
import sys
import tempfile
from contextlib import contextmanager

from .versions import say_versions

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def quiet_stderr():
    """Withhold what is written to file descriptor 2; if the block raises, show it after all."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as withheld:
        os.dup2(withheld.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(stderr, 2)      # first, or what is shown would be withheld in its turn
            withheld.seek(0)
            sys.stderr.write(withheld.read().decode("utf-8", "replace"))
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with quiet_stderr():
    import tensorflow

say_versions()

# A lesson builds many small models and runs each once or twice; TensorFlow would warn that it traces each anew.
tensorflow.get_logger().setLevel("ERROR")
