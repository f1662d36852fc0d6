"""What is written past Python to file descriptor 2 is withheld for a while, and never lost when something fails."""
import subprocess
import sys

CODE = """
import os
from lecture_utils.quiet import quiet_stderr
with quiet_stderr():
    os.write(2, b"noise\\n")
os.write(2, b"between\\n")
try:
    with quiet_stderr():
        os.write(2, b"the reason\\n")
        raise ImportError
except ImportError:
    os.write(2, b"after\\n")
"""


def test_noise_is_withheld_a_reason_is_shown_and_all_else_goes_on():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "between\nthe reason\nafter\n" and done.stdout == ""
