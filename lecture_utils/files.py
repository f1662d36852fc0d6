"""Files that are there whole or not at all."""

import os
from contextlib import contextmanager
from uuid import uuid4


@contextmanager
def whole(path):
    """For `with`: a path of its own to write to, which takes the name `path` in one step when the block ends well.

    Whoever reads `path` meets the old file or the new one, never half of one; two processes that write the same file do
    not write into one another's. After an error nothing is left but the old file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
