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
import types

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
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PATH": path} | environment,
                            preexec_fn=None if os.name == "nt" else heed_ctrl_c)


def heed_ctrl_c():
    """A shell that runs the tests in the background lets whatever they start ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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


def test_in_korean_it_lists_every_command(course):
    done = subprocess.run([sys.executable, str(ROOT / "course.py"), "--lang", "ko"], capture_output=True, encoding="utf-8")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0].startswith("CNN은 무엇을 보고 판단하는가")
    listed = {line.split()[0]: line for line in lines if re.match("  [a-z]+ ", line) and " course.py " not in line}
    assert set(listed) == set(course.COMMANDS) and all(re.search("[가-힣]", line) for line in listed.values())


@pytest.mark.parametrize("arguments, language", [
    (["run", "3", "--lang", "ko"], "ko"), (["data", "--lang=ko"], "ko"), (["data", "--show"], "en"), (["lab", "--lang"], "")])
def test_the_language_asked_for_is_that_of_all_that_it_starts(course, monkeypatch, arguments, language):
    monkeypatch.setenv("COURSE_LANG", "en")
    course.choose_language(arguments)
    assert os.environ["COURSE_LANG"] == language


def test_where_korean_cannot_be_had_it_speaks_english(checkout):
    """Alone in a folder, as with a Python too old for the catalogue."""
    assert "no command 'rnu'" in call(checkout, "rnu", "--lang", "ko")[2]


def test_an_obstacle_is_told_in_korean(course, monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=1e9))
    with pytest.raises(course.Stop, match=r"패키지에 디스크 3\.5 GB가 필요한데, .*에는 1\.0 GB가 남아 있습니다"):
        course.check_disk()
    assert course.remedy("[Errno 28] No space left on device").startswith("디스크가 가득 찼습니다.")


def test_the_tools_it_hands_over_to_exist(course):
    modules = [command.argv[1] for command in course.COMMANDS.values() if command.argv[1] != "pytest"]
    assert all((ROOT / f"{module.replace('.', '/')}.py").is_file() for module in modules)
    tools = {f"tools.{path.stem}" for path in (ROOT / "tools").glob("[a-z]*.py")}  # one file a command
    assert tools == {module for module in modules if module.startswith("tools.")} | {"tools.matrix"}


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
    assert "handed over: -m tools.matrix colab\n" in call(checkout, "test", "--matrix", "colab")[1]


# ---- the environment


@posix_only
def test_the_first_call_installs_with_hashes_and_the_second_starts_at_once(checkout):
    status, out, _ = call(checkout, "data", "--show")
    assert status == 7 and "handed over: -m tools.data --show" in out
    assert uv_calls(checkout) == ["venv --quiet", "pip install"]
    status, out, _ = call(checkout, "run", "01")
    assert status == 7 and out == "handed over: -m tools.run run 01\n"
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
    """The real venv and the real pip, against a port where nothing listens. PIP_USER alone would stop it earlier."""
    (checkout / "requirements.lock").write_text("numpy==2.0.0 --hash=sha256:" + 64 * "0" + "\n")
    (checkout / "bin" / "uv").unlink()
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull,
               "PIP_USER": "1", "PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "",
               "PATH": str(checkout / "bin")}
    status, out, err = call(checkout, "run", **nowhere)
    assert status == 1 and "with pip" in out and "index can't be reached" in err, err


@posix_only
@pytest.mark.parametrize("uv_inside", [False, True], ids=["uv elsewhere", "uv in .venv"])
def test_an_activated_environment_is_made_anew_from_the_python_outside_it(checkout, uv_inside):
    """As editors start it: .venv comes first on the PATH, and the lock has changed since. uv must find its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    (checkout / ".venv" / "course-complete").write_text("the hash of another lock")
    uv = checkout / "bin" / "uv"
    uv.write_text(FAKE_UV.replace('if [ "$1" = venv ]; then', 'if [ "$1" = venv ]; then\n    "$4" --version || exit 2')
                  .replace('echo "$1 $2"', 'echo "$@"'))
    if uv_inside:
        shutil.copy(uv, checkout / ".venv" / "bin")
    inside = f"{checkout / '.venv' / 'bin'}{os.pathsep}{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([checkout / ".venv" / "bin" / "python", "course.py", "run"], cwd=checkout, text=True, timeout=60,
                          capture_output=True, env=os.environ | {"PATH": inside, "VIRTUAL_ENV": str(checkout / ".venv")})
    assert done.returncode == 7 and "handed over: -m tools.run run" in done.stdout, done.stdout + done.stderr
    python = re.search(r"--python (\S+)", uv_calls(checkout)[0])[1]
    assert not python.startswith(str(checkout)) and "This is Python" not in done.stdout


@posix_only
def test_what_other_programs_set_for_python_does_not_reach_the_course(checkout):
    """A PYTHONPATH with another NumPy, a PYTHONHOME, a pip that is told to install elsewhere, no compiled code kept."""
    says = "${PYTHONPATH-none} ${PYTHONHOME-none} ${PYTHONSAFEPATH-none} ${PYTHONDONTWRITEBYTECODE-none} ${PIP_USER-none}"
    uv = checkout / "bin" / "uv"
    uv.write_text(FAKE_UV.replace('echo "$1 $2"', f"echo {says}").replace('"$@"', says))
    foreign = {"PYTHONPATH": str(checkout / "foreign"), "PYTHONHOME": sys.base_prefix, "PYTHONSAFEPATH": "1",
               "PYTHONDONTWRITEBYTECODE": "1", "PIP_USER": "1"}
    (checkout / "foreign").mkdir()
    (checkout / "foreign" / "numpy.py").write_text("raise ImportError")
    _, out, err = call(checkout, "doctor", **foreign)
    assert out.endswith("handed over: none none none none 0\n"), out + err
    assert uv_calls(checkout) == ["none none none none 0", "none none none none 0"]


@posix_only
def test_signs_that_a_terminal_cannot_show_stop_nothing(checkout):
    """A locale without UTF-8: neither the installer's lines nor what a command prints may end in a UnicodeEncodeError."""
    doctor = FAKE_UV.replace("echo handed over: \"$@\"\\nexit 7", f"exec {sys.executable} -m tools.doctor")
    (checkout / "bin" / "uv").write_text(doctor)
    (checkout / "tools").mkdir()
    (checkout / "tools" / "doctor.py").write_text('print("5\\u00d75 \\ud55c")\n')
    status, out, err = call(checkout, "doctor", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert status == 0 and out.endswith("5?5 ?\n"), out + err


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
    monkeypatch.setattr(course.shutil, "which", lambda name, path=None: names.get(name))
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


LAUNCHER_SAYS = """\
 -V:3.14 *        C:\\Users\\홍 길동\\AppData\\Local\\Python\\pythoncore-3.14-64\\python.exe
 -V:3.12          C:\\Program Files\\Python312\\python.exe
 -V:Astral/CPython3.8.20 C:\\uv\\python.exe
"""


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_windows_launcher_is_asked_for_the_pythons_that_are_not_on_the_path(course, monkeypatch, encoding):
    """Python 3.14 runs this; the sentence said to install 3.12, and python.org's installer leaves the PATH alone."""
    fit = r"C:\Program Files\Python312\python.exe"
    pythons(course, monkeypatch, {r"C:\Users\홍 길동\AppData\Local\Python\pythoncore-3.14-64\python.exe": ((3, 14), True)})
    asked = []
    monkeypatch.setattr(course, "probe", lambda path: asked.append(path) or ((3, 12) if path == fit else (3, 14), True))
    monkeypatch.setattr(course.shutil, "which", lambda name, path=None: {"py": r"C:\Windows\py.exe"}.get(name))
    monkeypatch.setattr(course.platform, "system", lambda: "Windows")
    monkeypatch.setattr(course.locale, "getpreferredencoding", lambda do_setlocale=True: encoding)
    monkeypatch.setattr(course.subprocess, "run", lambda command, **options: subprocess.CompletedProcess(
        command, 0, stdout=LAUNCHER_SAYS.replace("\n", "\r\n").encode(encoding)))
    assert course.find_python(None) == fit
    assert asked[0] == course.sys.executable and len(asked) == len(set(asked)) == 2


def test_a_windows_launcher_that_fails_is_none(course, monkeypatch):
    pythons(course, monkeypatch, {"C:/python.exe": ((3, 14), True)})
    monkeypatch.setattr(course.shutil, "which", lambda name, path=None: name if name == "py" else None)
    monkeypatch.setattr(course.platform, "system", lambda: "Windows")

    def fails(command, **options):
        raise OSError
    monkeypatch.setattr(course.subprocess, "run", fails)
    assert "python.org" in stop_of(course.find_python, None)


@pytest.mark.parametrize("length, system, long_paths, told", [
    (60, "Windows", False, False), (61, "Windows", False, True), (61, "Windows", True, False), (200, "Linux", False, False)])
def test_a_path_too_long_for_windows_is_told_before_anything_is_installed(course, monkeypatch, length, system, long_paths, told):
    monkeypatch.setattr(course, "ROOT", "C:\\" + "x" * (length - 3))
    monkeypatch.setattr(course.platform, "system", lambda: system)
    monkeypatch.setattr(course.platform, "machine", lambda: "amd64")
    monkeypatch.setattr(course.sys, "executable", "C:\\python.exe")
    monkeypatch.setattr(course, "long_paths_are_enabled", lambda: long_paths)
    monkeypatch.setattr(course, "find_python", stop_here(course))
    sentence = stop_of(course.make_environment)
    assert (course.ROOT in sentence and "260" in sentence and "shorter" in sentence) == told
    assert (sentence == "so far") == (not told)


def stop_here(course):
    def stop(*_):
        raise course.Stop("so far")
    return stop


def test_windows_cannot_delete_the_python_that_runs_and_is_told_to_deactivate_it(course, monkeypatch):
    monkeypatch.setattr(course.platform, "system", lambda: "Windows")
    monkeypatch.setattr(course.sys, "executable", course.VENV_PYTHON)
    monkeypatch.setattr(course.platform, "machine", lambda: "amd64")
    assert "`deactivate`" in stop_of(course.make_environment)


@posix_only
def test_no_python_of_the_environment_is_a_candidate_for_making_it(course, monkeypatch, tmp_path):
    """It comes first on the PATH where .venv is activated, and `python3 course.py` may still be another's."""
    inside, outside = tmp_path / ".venv" / "bin", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
        (folder / "python3.12").symlink_to(sys.executable)
    (tmp_path / "link").symlink_to(tmp_path / ".venv")
    monkeypatch.setattr(course, "VENV_PYTHON", str(inside / "python"))
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (inside, tmp_path / "link" / "bin", outside))))
    assert course.candidates() == [sys.executable, str(outside / "python3.12")]


@pytest.mark.parametrize("text, is_network", [
    (r"error: Failed to install: C:\Users\ssl-team\.venv\x.py", False), ("error: can't open /home/proxy/dns/timeout.py", False),
    ("Could not build wheels for openssl-bindings", False), ("error in /srv/My SSL proxy/course/.venv/x", False),
    ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", True), ("ProxyError('Cannot connect to proxy.')", True),
    ("HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded", True), ("SSLError(1)", True),
    ("error: Failed to fetch: `https://pypi.org/simple/numpy/`", True)])
def test_the_network_is_blamed_for_what_is_its_fault_only(course, monkeypatch, text, is_network):
    monkeypatch.setattr(course, "ROOT", "/srv/My SSL proxy/course")
    assert ("index can't be reached" in course.remedy(text)) == is_network


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


@pytest.mark.parametrize("system, machine", [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"),
                                             ("Windows", "AMD64")])
def test_computers_with_tensorflow_pass(course, monkeypatch, system, machine):
    monkeypatch.setattr(course.platform, "system", lambda: system)
    monkeypatch.setattr(course.platform, "machine", lambda: machine)
    course.check_platform()


@posix_only
def test_a_notebook_is_found_from_any_folder(checkout):
    (checkout / "my").mkdir()
    (checkout / "my" / "copy.ipynb").touch()
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run([sys.executable, "../course.py", "run", "copy.ipynb"], cwd=checkout / "my", text=True,
                             capture_output=True, env=os.environ | {"PATH": path})
    assert f"-m tools.run run {checkout.resolve() / 'my' / 'copy.ipynb'}" in process.stdout


@posix_only
def test_a_python_that_is_no_cpython_is_refused(course, tmp_path):
    pypy = tmp_path / "pypy"
    pypy.write_text(f"#!{sys.executable}\nimport platform, sys\n"
                    "platform.python_implementation = lambda: 'PyPy'\nexec(sys.argv[2])\n")
    pypy.chmod(0o755)
    assert course.probe(str(pypy))[0] is None


@posix_only
def test_folders_of_data_are_named_from_where_the_command_is_called(checkout, tmp_path_factory):
    here = tmp_path_factory.mktemp("here")
    told = FAKE_UV.replace('echo handed over: "$@"', 'echo "$COURSE_DATA, $COURSE_CACHE"')
    (checkout / "bin" / "uv").write_text(told)
    done = subprocess.run([sys.executable, checkout / "course.py", "run"], text=True, cwd=here, capture_output=True,
                          env=os.environ | {"PATH": f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}",
                                            "COURSE_DATA": "data", "COURSE_CACHE": "~/cache", "HOME": "/home/ann"})
    assert done.stdout.splitlines()[-1] == f"{here.resolve() / 'data'}, /home/ann/cache"
