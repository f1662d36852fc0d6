"""What editors see of the package: its names, signatures and types, statically and in a running notebook."""
import ast
import inspect
import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from types import ModuleType

import jedi
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from test_docstrings import PUBLIC, STUDENTS

import lecture_utils

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "lecture_utils" / "__init__.pyi"
FUNCTIONS = [name for name, each in STUDENTS.items() if inspect.isfunction(each)]
SHIPPED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]


# --- the stub: the one list of names

def stub_lines():
    """(module, name, what it is exported as) of every import in the stub."""
    for node in ast.parse(STUB.read_text(encoding="ascii")).body:      # lazy_loader reads it in the computer's own encoding
        for each in node.names:
            yield node.module, each.name, each.asname


@pytest.mark.parametrize("module, name, exported", stub_lines())
def test_every_name_is_where_the_stub_says(module, name, exported):
    assert exported == name, "editors take a name without `as` for private"
    if module is None:
        module = ROOT / "lecture_utils" / name
        assert module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()
    else:
        tree = ast.parse((ROOT / "lecture_utils" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
        assert name in {getattr(node, "name", None) for node in tree.body}, f"{module}.py does not define {name}"


def test_the_stub_is_what_can_be_imported():
    names = {name for _, name, _ in stub_lines()}
    assert set(lecture_utils.__all__) == set(dir(lecture_utils)) == names >= {"grad_cam", "load_mnist", "plots", "checks"}


def test_no_function_has_the_name_of_a_module():
    """Python would store the imported module under that name, over the function."""
    assert not set(FUNCTIONS) & {path.stem for path in (ROOT / "lecture_utils").iterdir()}


def test_an_unknown_name_is_an_error_that_names_it():
    with pytest.raises(AttributeError, match="No lecture_utils attribute camm"):
        assert not lecture_utils.camm
    with pytest.raises(ImportError, match="cannot import name 'camm' from 'lecture_utils'"):
        from lecture_utils import camm  # noqa: F401  (the import itself fails)


def test_the_stub_and_the_mark_of_typed_packages_are_installed():
    assert STUB.with_name("py.typed").is_file() and set(SHIPPED["lecture_utils"]) >= {"__init__.pyi", "py.typed"}


# --- completion and signatures, by jedi: in an editor, and in JupyterLab, whose kernel asks IPython

def in_an_editor(code):
    return jedi.Script(code, project=jedi.Project(ROOT), environment=jedi.InterpreterEnvironment())


def test_an_editor_completes_every_name():
    for code in ("from lecture_utils import ", "import lecture_utils\nlecture_utils."):
        assert set(lecture_utils.__all__) <= {each.name for each in in_an_editor(code).complete()}


@pytest.mark.parametrize("name", PUBLIC)
def test_an_editor_shows_every_signature_and_its_docstring(name):
    module, _, function = f"lecture_utils.{name}".rpartition(".") if name in STUDENTS else name.rpartition(".")
    (signature,) = in_an_editor(f"from {module} import {function}\n{function}(").get_signatures()
    assert [each.name for each in signature.params] == [*inspect.signature(PUBLIC[name]).parameters]
    assert inspect.getdoc(PUBLIC[name]) in inspect.cleandoc(signature.docstring())


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """The part of JupyterLab's kernel that knows a notebook's variables."""
    shell = InteractiveShell(ipython_dir=str(tmp_path_factory.mktemp("ipython")), user_module=ModuleType("notebook"))
    yield shell
    shell.history_manager.end_session()


def completed(shell, code):
    with provisionalcompleter():
        return {each.text for each in shell.Completer.completions(code, len(code))}


def test_a_notebook_completes_every_name(shell):
    shell.user_ns["lecture_utils"] = lecture_utils
    assert set(lecture_utils.__all__) <= completed(shell, "from lecture_utils import ")
    assert set(lecture_utils.__all__) <= completed(shell, "lecture_utils.")
    assert {"grad_cam", "grad_cam_pp"} <= completed(shell, "lecture_utils.gra")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_notebook_completes_parameters_and_shows_the_docstring(shell, name):
    function = shell.user_ns[name] = STUDENTS[name]
    (signature,) = jedi.Interpreter(f"{name}(", [shell.user_ns]).get_signatures()
    parameters = [*inspect.signature(function).parameters]
    assert [each.name for each in signature.params] == parameters
    assert {f"{each}=" for each in parameters} <= completed(shell, f"{name}(")
    assert inspect.getdoc(function) in shell.object_inspect_mime(name)["text/plain"]      # what `name?` and Shift+Tab show


def test_completing_does_not_wait_for_tensorflow():
    code = """
        import sys, jedi, lecture_utils
        names = {each.name for each in jedi.Interpreter("lecture_utils.", [globals()]).complete()}
        print("grad_cam" in names, "tensorflow" in sys.modules)
        """
    printed = subprocess.check_output([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, text=True)
    assert printed.split() == ["True", "False"]


# --- types, by a checker that knows NumPy's arrays

@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_says_what_it_returns(name):
    assert inspect.signature(PUBLIC[name]).return_annotation is not inspect.Signature.empty


RIGHT = """
from typing import assert_type
import numpy as np
from numpy.typing import NDArray
from lecture_utils import bootstrap, boxes, checks, grad_cam, grad_cam_layers, load_mnist, load_model, overlay, plots
from lecture_utils import pointing_game
from matplotlib.figure import Figure

data = load_mnist("embedded")
maps = grad_cam(load_model("mnist_cnn"), data.x_test[:2])
assert_type(maps, NDArray[np.float32])
assert_type(grad_cam_layers(load_model("mnist_cnn"), data.x_test), dict[str, NDArray[np.float32]])
assert_type(overlay(data.x_test[0], maps[0]), NDArray[np.uint8])
assert_type(bootstrap(pointing_game(maps, maps > 0)).mean, float)
assert_type(plots.image_grid(data.x_test), Figure)
assert_type(checks.check_alpha(None).right, bool)
boxes(maps[0]).reshape(-1, 4)
"""
WRONG = {  # a student's line: what the checker says of it
    'load_mnist("emebdded")': "arg-type",
    'grad_cam_layers(model, data.x_test).shape': "attr-defined",
    'grad_cam(model, data.x_test)["conv3"]': "call-overload",
    'grad_cam(model, data.x_test).maximum': "attr-defined",
    'bootstrap([1, 0]).median': "attr-defined",
    'import lecture_utils; lecture_utils.gradcam': "attr-defined",
}


def test_the_type_checker_finds_the_package_s_types_right_and_a_student_s_mistakes(tmp_path):
    """mypy reads the modules that define public functions, checks what these say, and knows what they return."""
    (tmp_path / "right.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "wrong.py").write_text("\n".join([
        "from lecture_utils import bootstrap, grad_cam, grad_cam_layers, load_mnist, load_model; "
        "model, data = load_model('mnist_cnn'), load_mnist()", *WRONG]), encoding="utf-8")
    modules = sorted({each.__module__ for each in PUBLIC.values()})
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache"),
         "--no-error-summary", *(part for module in ("right", "wrong", *modules) for part in ("-m", module))],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True)
    assert not done.stderr
    found = {(line.split(":")[0], int(line.split(":")[1])): line.rsplit("[", 1)[1].rstrip("]")
             for line in done.stdout.splitlines() if ": error: " in line}
    assert found == {("wrong.py", number): code for number, code in enumerate(WRONG.values(), start=2)}, done.stdout
