"""course.py, run for real in a copy of its own, with installers that only pretend."""
import ast
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
posix_only = pytest.mark.skipif(os.name != "posix", reason="the pretended installers are shell scripts")

# A uv that makes an environment whose Python prints what it is handed. $UV_PRETENDS says how the installation goes.
FAKE_UV = """#!/bin/sh
echo "$1 $2" >> uv-calls
if [ "$1" = venv ]; then
    for folder; do :; done
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\\necho handed over: "$@"\\nexit 7\\n' > "$folder/bin/python"
    chmod +x "$folder/bin/python"
    exit 0
fi
case "$UV_PRETENDS" in
    "") exit 0 ;;
    slow) touch .venv/half-installed; echo started; sleep 30 ;;
    short) sleep 1; exit 0 ;;
    *) echo "$UV_PRETENDS" >&2; exit 2 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder with course.py and a lock, and a PATH on which the pretended uv comes first."""
    shutil.copy(ROOT / "course.py", tmp_path)
    (tmp_path / "requirements.lock").write_text("numpy==2.0.0\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text(FAKE_UV)
    (tmp_path / "bin" / "uv").chmod(0o755)
    return tmp_path


def start(checkout, *arguments, **environment):
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen([sys.executable, str(checkout / "course.py"), *arguments], text=True, cwd=checkout,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PATH": path} | environment)


def call(checkout, *arguments, **environment):
    process = start(checkout, *arguments, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def uv_calls(checkout):
    calls = checkout / "uv-calls"
    return calls.read_text().split("\n")[:-1] if calls.exists() else []


@pytest.fixture
def course():
    """The module, freshly loaded."""
    spec = importlib.util.spec_from_file_location("course", ROOT / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- what it says of itself


def test_alone_it_lists_every_command_and_makes_nothing(checkout, course):
    status, out, _ = call(checkout)
    assert status == 0
    for name, command in course.COMMANDS.items():
        assert f"  {name}" in out and command.summary in out
    assert not (checkout / ".venv").exists()


def test_an_unknown_command_is_named_and_the_known_ones_listed(checkout):
    status, _, err = call(checkout, "rnu")
    assert status == 2 and "no command 'rnu'" in err and "  run " in err and "  doctor " in err


def test_the_tools_it_hands_over_to_exist(course):
    scripts = [part for command in course.COMMANDS.values() for part in command.argv if part.startswith("tools/")]
    assert scripts and all((ROOT / script).is_file() for script in scripts)


def test_make_knows_the_same_commands(course):
    names = re.search(r"^COMMANDS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1).split()
    assert names == list(course.COMMANDS)


def test_old_pythons_can_read_it():
    ast.parse((ROOT / "course.py").read_text(), feature_version=(3, 7))  # the oldest that ast can pretend to be


def test_an_old_python_says_the_sentence(tmp_path):
    """With whatever Python below 3.11 this computer has."""
    old = [path for minor in range(6, 11) if (path := shutil.which(f"python3.{minor}"))
           and subprocess.run([path, "--version"], capture_output=True).returncode == 0]
    if not old:
        pytest.skip("no Python below 3.11 here")
    shutil.copy(ROOT / "course.py", tmp_path)
    done = subprocess.run([old[0], str(tmp_path / "course.py"), "run"], capture_output=True, text=True,
                          env={"PATH": str(tmp_path)})
    assert done.returncode == 1 and "needs Python 3.11, 3.12 or 3.13" in done.stderr and "python.org" in done.stderr


@posix_only
def test_the_matrix_is_handed_to_its_tool(checkout):
    assert "handed over: tools/matrix.py colab\n" in call(checkout, "test", "--matrix", "colab")[1]


# ---- the environment


@posix_only
def test_the_first_call_installs_with_hashes_and_the_second_starts_at_once(checkout):
    status, out, _ = call(checkout, "data", "--show")
    assert status == 7 and "handed over: -m lecture_utils.datasets --show" in out
    assert uv_calls(checkout) == ["venv --quiet", "pip install"]
    status, out, _ = call(checkout, "run", "01")
    assert status == 7 and out == "handed over: tools/run_notebooks.py run 01\n"
    assert len(uv_calls(checkout)) == 2


@posix_only
def test_the_lock_is_installed_with_its_hashes(checkout):
    (checkout / "bin" / "uv").write_text(FAKE_UV.replace('echo "$1 $2"', 'echo "$@"'))
    call(checkout, "run")
    assert re.search(r"pip install --python \S+ --require-hashes -r \S+requirements\.lock", uv_calls(checkout)[1])


@posix_only
def test_a_changed_lock_is_installed_afresh(checkout):
    call(checkout, "run")
    (checkout / ".venv" / "of-yesterday").touch()
    (checkout / "requirements.lock").write_text("numpy==2.0.1\n")
    call(checkout, "run")
    assert len(uv_calls(checkout)) == 4 and not (checkout / ".venv" / "of-yesterday").exists()


@posix_only
def test_an_interrupted_installation_is_redone(checkout):
    process = start(checkout, "run", UV_PRETENDS="slow")
    wait_for(checkout / ".venv" / "half-installed")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Interrupted" in err
    status, out, _ = call(checkout, "run")
    assert status == 7 and not (checkout / ".venv" / "half-installed").exists()


@posix_only
def test_a_killed_installation_is_redone(checkout):
    process = start(checkout, "run", UV_PRETENDS="slow")
    wait_for(checkout / ".venv" / "half-installed")
    process.kill()
    process.communicate(timeout=60)
    status, _, _ = call(checkout, "run")
    assert status == 7 and not (checkout / ".venv" / "half-installed").exists()


def wait_for(path):
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"{path.name} did not appear")


@posix_only
def test_two_calls_at_once_install_once(checkout):
    both = [start(checkout, "run", UV_PRETENDS="short") for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [7, 7], outputs
    assert len(uv_calls(checkout)) == 2


@posix_only
def test_an_environment_whose_python_is_gone_is_made_anew(checkout):
    call(checkout, "run")
    (checkout / ".venv" / "bin" / "python").unlink()
    status, _, _ = call(checkout, "run")
    assert status == 7 and len(uv_calls(checkout)) == 4


@posix_only
@pytest.mark.parametrize("says, sentence", [
    ("error: Request failed after 3 retries\nCaused by: error sending request\nCaused by: dns error", "index can't be reached"),
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
    ("error: Hash mismatch for `numpy==2.0.0`", "refused"),
    ("error: tensorflow==2.21.0 has no wheels with a matching platform tag", "not found for this computer"),
    ("error: something new", "starts afresh"),
])
def test_a_failed_installation_ends_in_the_last_lines_and_a_remedy(checkout, says, sentence):
    status, out, err = call(checkout, "run", UV_PRETENDS=says)
    assert status == 1 and says.splitlines()[-1] in err and sentence in err and "Traceback" not in err
    assert "handed over" not in out and not (checkout / ".venv" / "course-complete").exists()


def test_without_uv_pip_installs_and_an_unreachable_index_is_told(checkout):
    """The real venv and the real pip, against a port where nothing listens."""
    (checkout / "requirements.lock").write_text("numpy==2.0.0 --hash=sha256:" + 64 * "0" + "\n")
    (checkout / "bin" / "uv").unlink()
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull,
               "PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PATH": str(checkout / "bin")}
    status, out, err = call(checkout, "run", **nowhere)
    assert status == 1 and "with pip" in out and "index can't be reached" in err, err


# ---- what can be wrong with a computer


def stop_of(call, *arguments):
    with pytest.raises(Exception) as caught:
        call(*arguments)
    assert type(caught.value).__name__ == "Stop", caught.value
    return str(caught.value)


def pythons(course, monkeypatch, found):
    """Pretend that `found`, a dict path -> (version, has venv), are the Pythons here; the first is this one."""
    names = {pathlib.PurePosixPath(path).name: path for path in list(found)[1:]}
    monkeypatch.setattr(course.sys, "executable", list(found)[0])
    monkeypatch.setattr(course.shutil, "which", names.get)
    monkeypatch.setattr(course, "probe", found.get)


def test_this_python_is_taken_if_it_can_be(course, monkeypatch):
    pythons(course, monkeypatch, {"/a/python3": ((3, 12), True), "/b/python3.13": ((3, 13), True)})
    assert course.find_python(None) == "/a/python3"


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 14), None])
def test_another_python_on_the_path_is_taken_and_named(course, monkeypatch, capsys, version):
    pythons(course, monkeypatch, {"/a/python3": (version, True), "/b/python3.12": ((3, 12), True)})
    assert course.find_python(None) == "/b/python3.12"
    assert "the course uses /b/python3.12" in capsys.readouterr().out


def test_no_fit_python_is_told_with_where_to_get_one(course, monkeypatch):
    pythons(course, monkeypatch, {"/a/python3": ((3, 14), True), "/b/python3.9": ((3, 9), True)})
    sentence = stop_of(course.find_python, None)
    assert "3.11, 3.12 or 3.13" in sentence and "python.org" in sentence


def test_uv_fetches_a_python_where_there_is_none(course, monkeypatch):
    pythons(course, monkeypatch, {"/a/python3": ((3, 8), True)})
    assert course.find_python("/b/uv") == "3.12"


def test_missing_venv_is_told_with_the_package_to_install(course, monkeypatch):
    pythons(course, monkeypatch, {"/usr/bin/python3": ((3, 11), False)})
    sentence = stop_of(course.find_python, None)
    assert "apt install python3.11-venv" in sentence and "ensurepip" in sentence
    assert course.find_python("/b/uv") == "/usr/bin/python3"  # uv needs neither


def test_probe_knows_this_python_and_refuses_what_is_none(course, tmp_path):
    assert course.probe(sys.executable)[0] == sys.version_info[:2]
    broken = tmp_path / "python3.12"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert course.probe(str(broken)) == (None, False)
    assert course.probe(str(tmp_path / "nothing")) == (None, False)


def test_too_little_disk_is_told_with_what_is_needed(course, monkeypatch):
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2.1e9}))
    sentence = stop_of(course.check_disk)
    assert "3.5 GB" in sentence and "2.1 GB free" in sentence


def test_a_checkout_that_cannot_be_written_to_is_told(course, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(course, "ROOT", str(tmp_path / "file"))  # nothing can be made in a file, not even by root
    sentence = stop_of(course.installation_lock().__enter__)
    assert "can't be written to" in sentence and "folder of your own" in sentence


@pytest.mark.parametrize("system, machine, words", [
    ("Darwin", "x86_64", ("Intel", "Colab", "arm64")),
    ("Windows", "ARM64", ("Windows on ARM", "Colab")),
])
def test_computers_without_tensorflow_are_told(course, monkeypatch, system, machine, words):
    monkeypatch.setattr(course.platform, "system", lambda: system)
    monkeypatch.setattr(course.platform, "machine", lambda: machine)
    sentence = stop_of(course.check_platform)
    assert all(word in sentence for word in words)


@pytest.mark.parametrize("system, machine", [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")])
def test_computers_with_tensorflow_pass(course, monkeypatch, system, machine):
    monkeypatch.setattr(course.platform, "system", lambda: system)
    monkeypatch.setattr(course.platform, "machine", lambda: machine)
    course.check_platform()


@posix_only
def test_a_notebook_is_found_from_any_folder(checkout):
    (checkout / "my").mkdir()
    (checkout / "my" / "copy.ipynb").touch()
    process = subprocess.run([sys.executable, "../course.py", "run", "copy.ipynb"], cwd=checkout / "my", text=True,
                             capture_output=True, env=os.environ | {"PATH": f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    assert f"run_notebooks.py run {checkout.resolve() / 'my' / 'copy.ipynb'}" in process.stdout
