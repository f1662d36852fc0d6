#!/usr/bin/env python3
"""The one command of the course: `python3 course.py` lists what it does.

Standard library only. It makes the environment .venv from requirements.lock, once, and hands over to it.
The file is kept to the syntax of Python 3.6, so that an old interpreter can read it as far as its clear sentence.
With `--lang ko`, or COURSE_LANG=ko, it and what students and instructors run speak Korean.
"""
import collections
import contextlib
import hashlib
import locale
import os
import platform
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
LOCK = os.path.join(ROOT, "requirements.lock")
COMPLETE = os.path.join(VENV, "course-complete")  # holds the hash of the lock, written last

PYTHONS = ((3, 11), (3, 12), (3, 13))
NEEDED_GB = 3.5  # TensorFlow and the rest: 2.5 GB installed, and room for the downloads
ROOT_LENGTH = 60  # characters: Windows' paths end at 260, and TensorFlow's files need 200 of them

Command = collections.namedtuple("Command", "summary argv")
COMMANDS = collections.OrderedDict([
    ("run", Command("run the notebooks and write them as pages into build/; name some to run only those, `--lang ko` the Korean",
                    ["-m", "tools.run", "run"])),
    ("test", Command("test every claim: unit tests, and every notebook; `test --matrix` with other versions",
                     ["-m", "pytest", "tests", "notebooks", "--nbval-lax", "--nbval-current-env",
                      "--nbval-cell-timeout=240", "-n", "2", "--dist", "loadfile"])),
    ("lab", Command("copy the notebooks into my/, once, and open your copies in JupyterLab; with `--lang ko` the Korean ones",
                    ["-m", "tools.lab"])),
    ("update", Command("bring the course up to date; work done in notebooks/ is moved into my/ first", ["-m", "tools.update"])),
    ("slides", Command("build the lecture's slides into build/slides/, in English and Korean; name some to build only those",
                       ["-m", "tools.slides"])),
    ("site", Command("build the course as a site without a server into build/site/: pages, decks, explorer, run-sheet",
                     ["-m", "tools.site"])),
    ("instructor", Command("write the instructor's edition into build/instructor/: exercises solved, quizzes answered, all run",
                           ["-m", "tools.instructor"])),
    ("explore", Command("open the explorer in your browser; `explore --ip 0.0.0.0` serves it to a lecture hall",
                        ["-m", "tools.explore"])),
    ("class", Command("simulate a class on a JupyterHub of this computer, to see how many students it carries",
                      ["-m", "classroom.simulate"])),
    ("data", Command("fetch the real data, and show what is where; `data --show` only shows, `data STL-10` fetches 2.6 GB",
                     ["-m", "tools.data"])),
    ("doctor", Command("check this computer, and say what to do about each thing that is wrong",
                       ["-m", "tools.doctor"])),
    ("evaluate", Command("score the maps of the steel networks: accuracy, localization, deletion and insertion",
                         ["-m", "tools.evaluate"])),
    ("capstone", Command("make the graded project: three networks with a hidden flaw each, images, a task and its key",
                         ["-m", "tools.capstone"])),
    ("notebooks", Command("for maintainers: run the notebooks in place and save their outputs",
                          ["-m", "tools.run", "notebooks"])),
    ("stamp", Command("for maintainers: write the repository's address into badges and bootstrap cells",
                      ["-m", "tools.stamp"])),
    ("pictures", Command("for maintainers: draw the notebooks' pictures that need ImageNet's SqueezeNet",
                         ["-m", "tools.pictures"])),
    ("train", Command("for maintainers: train the shipped weights", ["-m", "tools.train"])),
    ("judge", Command("for maintainers: judge how the steel networks are trained, by cross-validation", ["-m", "tools.judge"])),
    ("realism", Command("for maintainers: measure how real the embedded data is", ["-m", "tools.realism"])),
])


class Stop(Exception):
    """A sentence for the reader: what is wrong, and what to do."""


def main(arguments):
    keep_other_settings_out()
    choose_language(arguments)
    name = arguments[0] if arguments else "help"
    if name in ("help", "-h", "--help") or name.startswith("--lang"):
        print(overview())
        return 0
    if name not in COMMANDS:
        print("{}\n\n{}".format(say("There is no command '{name}'.", name=name), overview()), file=sys.stderr)
        return 2
    try:
        if not environment_is_ready():
            make_environment()
    except Stop as stop:
        print("\n{}".format(stop), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n" + say("Interrupted; the same command starts the installation afresh."), file=sys.stderr)
        return 130
    if arguments[:2] == ["test", "--matrix"]:
        return hand_over(["-m", "tools.matrix"] + arguments[2:])
    return hand_over(COMMANDS[name].argv + [as_seen_from_root(argument) for argument in arguments[1:]])


def overview():
    lines = [say("How a CNN decides, seen: a course in notebooks."), "",
             "  python3 course.py run      " + say("runs the notebooks and writes them as pages"),
             "  python3 course.py test     " + say("tests every claim in them"), "",
             say("The first call installs what is needed into .venv. All commands:"), ""]
    lines += ["  {:<11}{}".format(name, say(command.summary)) for name, command in COMMANDS.items()]
    return "\n".join(lines)


def choose_language(arguments):
    """Let the command, and all that it starts, speak the language of `--lang`."""
    for place, option in enumerate(arguments):
        name, equals, value = option.partition("=")
        if name == "--lang":
            os.environ["COURSE_LANG"] = value if equals else "".join(arguments[place + 1:place + 2])


def say(english, **values):
    """A text in the reader's language, as `lecture_utils.language` has it; a Python too old for that reads English."""
    try:
        from tools.notebooks.languages import say as told
    except Exception:  # whatever hinders it, the sentence comes first
        return english.format(**values) if values else english
    return told(english, **values)


def keep_other_settings_out():
    """What is set for other Pythons must not reach the course's, its installer, or what it prints."""
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH"):  # another NumPy, another standard library, no `-m tools.run`
        os.environ.pop(name, None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every start, of each kernel, too, would compile TensorFlow for ten seconds
    os.environ["PIP_USER"] = "0"  # in an environment pip refuses to install for the user
    os.environ.setdefault("PYTHONIOENCODING", ":replace")  # a sign that the terminal lacks becomes a question mark
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


def as_seen_from_root(argument):
    """The hand-over changes into ROOT, so a notebook named by a path from here gets its absolute one."""
    is_path = argument.endswith(".ipynb") and os.path.exists(argument)
    return os.path.abspath(argument) if is_path else argument


def hand_over(argv):
    """Replace this process by the environment's Python (POSIX), or run it and pass its exit status on (Windows)."""
    for folder in ("COURSE_DATA", "COURSE_CACHE"):
        if os.environ.get(folder):
            os.environ[folder] = os.path.abspath(os.path.expanduser(os.environ[folder]))
    os.chdir(ROOT)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's C++ log lines
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # the debugger's warning at the start of every kernel
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(VENV_PYTHON, [VENV_PYTHON] + argv)
    process = subprocess.Popen([VENV_PYTHON] + argv)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # Ctrl-C reaches the child as well; its exit status is what counts


# ---- the environment


def environment_is_ready():
    try:
        with open(COMPLETE) as marker:
            return marker.read() == lock_hash() and os.path.exists(VENV_PYTHON)
    except OSError:
        return False


def lock_hash():
    with open(LOCK, "rb") as lock:
        return hashlib.sha256(lock.read()).hexdigest()


def make_environment():
    """Make .venv from nothing. Whatever an interrupted or outdated installation left is removed first."""
    check_platform()
    check_interpreter()
    check_path()
    uv = shutil.which("uv", path=path_outside_venv())
    python = find_python(uv)
    check_disk()
    with installation_lock():
        if environment_is_ready():  # another call was installing, and has finished
            return
        print(say("Installing the course's packages into .venv with uv (once; seconds to a minute).") if uv else
              say("Installing the course's packages into .venv with pip (once; one to a few minutes)."), flush=True)
        began = time.time()
        shutil.rmtree(VENV, ignore_errors=True)
        if uv:
            run_installer([uv, "venv", "--quiet", "--python", python, VENV])
            run_installer([uv, "pip", "install", "--python", VENV_PYTHON, "--require-hashes", "-r", LOCK])
        else:
            run_installer([python, "-m", "venv", VENV])
            run_installer([VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check",
                           "--require-hashes", "-r", LOCK])
        with open(COMPLETE, "w") as marker:
            marker.write(lock_hash())
        print(say("Installed in {seconds:.0f} s.", seconds=time.time() - began), flush=True)


@contextlib.contextmanager
def installation_lock():
    """One installation at a time. The operating system releases the lock however its holder ends."""
    path = os.path.join(ROOT, ".venv.lock")
    try:
        handle = open(path, "w")
    except OSError as error:
        raise Stop(say("The folder {folder} can't be written to ({error}). Clone or copy the course into a folder of your "
                       "own, and run the command there.", folder=ROOT, error=error.strerror)) from None
    with handle:
        if os.name == "nt":
            import msvcrt
            while True:
                with contextlib.suppress(OSError):  # it gives up after ten seconds
                    msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def check_platform():
    """TensorFlow is built for these only."""
    system, machine = platform.system(), platform.machine().lower()
    if system == "Darwin" and machine != "arm64":
        raise Stop(say("TensorFlow is no longer built for Macs with an Intel processor. Open the notebooks in Colab: "
                       "README.md has a link for each. (Is this a Mac with Apple silicon? Then this Python runs in "
                       "emulation: install the arm64 one from https://www.python.org/downloads/ and try again.)"))
    if system == "Windows" and machine == "arm64":
        raise Stop(say("TensorFlow is not built for Windows on ARM. Install the 64-bit Intel version of Python 3.12 "
                       "from https://www.python.org/downloads/ (Windows emulates it), or open the notebooks in Colab."))


def check_interpreter():
    """Windows deletes no program while it runs, and .venv is about to be deleted."""
    if platform.system() == "Windows" and is_in_venv(sys.executable):
        raise Stop(say("The packages of the course have changed, and .venv must be made anew while its own Python runs this. "
                       "Leave it with `deactivate`, close what else uses it, and run the same command again, with `py`."))


def check_path():
    if platform.system() == "Windows" and len(ROOT) > ROOT_LENGTH and not long_paths_are_enabled():
        raise Stop(say("The path {path} is too long: with TensorFlow's files in it, it exceeds the 260 characters that "
                       "Windows allows. Move the course to a shorter one, of at most {most} characters, such as C:\\course, "
                       "and run the same command again.", path=ROOT, most=ROOT_LENGTH))


def long_paths_are_enabled():
    """Whether Windows has been told to allow more than 260 characters."""
    try:
        import winreg
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except (ImportError, OSError):
        return False


def check_disk():
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        raise Stop(say("The packages need {needed} GB of disk, and {folder} has {free:.1f} GB free. Make room, or clone the "
                       "course onto a larger disk.", needed=NEEDED_GB, folder=ROOT, free=free))


# ---- the interpreter


def find_python(uv):
    """Path (or, for uv, version) of a Python that can carry the course; this one, if it can."""
    without_venv = None
    for candidate in candidates():
        version, has_venv = probe(candidate)
        if version in PYTHONS and (has_venv or uv):
            if candidate != this_python():
                print(say("This is Python {version}; the course uses {other}.",
                          version="{}.{}".format(*sys.version_info), other=candidate))
            return candidate
        if version in PYTHONS:
            without_venv = without_venv or version
    if without_venv:
        raise Stop(say("Python {version} is here without the modules venv and ensurepip. On Debian and Ubuntu install them "
                       "with `sudo apt install python{version}-venv`; or install uv (https://docs.astral.sh/uv/), which "
                       "needs neither. Then run the same command again.", version="{}.{}".format(*without_venv)))
    if uv:
        return "3.12"  # uv fetches it
    raise Stop(say("The course needs Python 3.11, 3.12 or 3.13 (64-bit CPython); this is Python {version}, and no other was "
                   "found. Install 3.12 from https://www.python.org/downloads/, or install uv "
                   "(https://docs.astral.sh/uv/), which fetches it. Then run the same command again.",
                   version=platform.python_version()))


def candidates():
    """Paths of interpreters, this one first. None lies in .venv, which is deleted before it is made anew."""
    names = ("python3.13", "python3.12", "python3.11", "python3", "python")
    found = [this_python()] + [shutil.which(name, path=path_outside_venv()) for name in names] + launcher_pythons()
    return list(collections.OrderedDict.fromkeys(path for path in found if path))


def this_python():
    """Path of the interpreter that runs this; of the one behind it, if it is .venv's own (editors activate .venv)."""
    return getattr(sys, "_base_executable", sys.executable) if is_in_venv(sys.executable) else sys.executable


def is_in_venv(python):
    return is_venv_folder(os.path.dirname(python))


def is_venv_folder(folder):
    return os.path.realpath(folder) == os.path.realpath(os.path.dirname(VENV_PYTHON))


def path_outside_venv():
    """The PATH without .venv, for where programs are looked for."""
    return os.pathsep.join(folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
                           if not is_venv_folder(folder))


def launcher_pythons():
    """Paths of the interpreters that Windows' launcher knows: installed there, they need not be on the PATH."""
    launcher = shutil.which("py") if platform.system() == "Windows" else None
    if not launcher:
        return []
    try:
        listing = subprocess.run([launcher, "-0p"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    try:
        text = listing.decode("utf-8")
    except UnicodeDecodeError:
        text = listing.decode(locale.getpreferredencoding(False), "replace")
    return re.findall(r"[A-Za-z]:\\.*\.exe", text)


def probe(python):
    """((major, minor), whether it can make environments); version None for what isn't a 64-bit CPython."""
    code = ("import sys, platform; from importlib.util import find_spec as f; "
            "print(sys.version_info[0], sys.version_info[1], int(bool(f('venv') and f('ensurepip'))), "
            "int(sys.maxsize > 2**32 and platform.python_implementation() == 'CPython'))")
    try:
        answer = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
        major, minor, has_venv, is_fit = map(int, answer.stdout.split())
    except (OSError, ValueError, subprocess.SubprocessError):  # a broken link, a version manager's empty shim
        return None, False
    return ((major, minor) if is_fit else None), bool(has_venv)


# ---- the installer


def run_installer(command):
    """Run one step of the installation with its newest line shown; a failure becomes a sentence."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    tail = collections.deque(maxlen=12)
    began = spoken = time.time()
    try:
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace").strip()
            if not line:
                continue
            tail.append(line)
            progress = "  {:4.0f} s  {}".format(time.time() - began, line)
            if sys.stdout.isatty():
                write_over(progress)
            elif time.time() - spoken > 15:
                spoken = time.time()
                print(progress[:100], flush=True)  # pip ends by naming every package on one line
    except KeyboardInterrupt:
        process.terminate()
        raise
    finally:
        if sys.stdout.isatty():
            write_over("")
    if process.wait() != 0:
        text = "\n".join(tail)
        raise Stop("{}\n\n{}".format(text, remedy(text)))


def write_over(line):
    """Show `line` in place of the terminal's last one."""
    width = shutil.get_terminal_size().columns - 1
    sys.stdout.write("\r{:<{}}\r{}".format("", width, line[:width]))
    sys.stdout.flush()


def remedy(text):
    """The sentence for a failed installation, from the installer's last lines."""
    text = re.sub(r"\S*[/\\]\S*", " ", text.replace(ROOT, " ")).lower()  # names of files and folders are no signs
    if any(sign in text for sign in ("no space left", "disk quota", "not enough space")):
        return say("The disk is full. The packages need {needed} GB: make room and run the same command again.",
                   needed=NEEDED_GB)
    if re.search(r"connection|connect error|name resolution|timed out|timeout|unreachable|error sending request"
                 r"|failed to fetch|could not fetch url|certificate|\b(dns|ssl|proxy)", text):
        return say("The package index can't be reached. Check the network (behind a proxy set HTTPS_PROXY) and run the "
                   "same command again; what was downloaded is kept.")
    if "hash" in text:
        return say("A downloaded package is not the one named in requirements.lock, so it was refused. Run the same "
                   "command again; if it persists, an index or proxy between you and PyPI alters packages.")
    if any(sign in text for sign in ("no matching distribution", "no wheels", "no solution", "platform tag")):
        return say("A package of the course was not found for this computer ({system}, {machine}, Python {version}). If the "
                   "network is up, it isn't built for it: open the notebooks in Colab, README.md has a link for each.",
                   system=platform.system(), machine=platform.machine(), version=platform.python_version())
    return say("The installation failed; its last lines are above. Run the same command again: it starts afresh. "
               "If it persists, delete the folder .venv and report these lines.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
