"""Nothing that the course reads is ever run: no file of a user, no download, no network in a file.

What else guards it is tested elsewhere: damaged files and zips that are refused, in test_datasets.py; checksums and
downloads that are cut off, in test_downloads.py; damaged weights, in test_models.py; uploads, in test_explorer.py; what
the explorer's server hands out, in test_explore_serving.py.
"""

import ast
import io
import json
import pickle
import re
import shutil
import struct
import tracemalloc
import zipfile
from hashlib import md5
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import EpsImagePlugin, Image
from test_datasets import Trap, neu_arrays, neu_files, npy, pack, put, small_mnist
from test_models import small_vgg16

from lecture_utils import models
from lecture_utils.datasets import readers
from lecture_utils.datasets.loaders import load_mnist, load_neu, where_is_the_data
from lecture_utils.datasets.readers import DataError
from lecture_utils.explain.streaming import explain_dataset
from lecture_utils.explorer import uploads

ROOT = Path(__file__).resolve().parents[1]


# --- the course's code: none of it runs what it is given

MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "runpy"}
NAMES = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput", "torch.load",
         "pandas.read_pickle", "shutil.unpack_archive", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load"}
KERAS = re.compile(r"(tensorflow\.)?keras\.(\w+\.)*(load_model|model_from_json|enable_unsafe_deserialization)")
AT_RUN_TIME = "a module whose name is made at run time"

ALLOWED = {  # (file, finding): why it must be; each is code of this checkout, never of a file that somebody brought
    ("lecture_utils/auditing/networks.py", "keras load_model"): "reads all names in the file first, and refuses any but Keras' "
                                                                "own; safe mode stays on, and nothing is compiled",
    ("notebooks/09_transfer_learning.ipynb", "keras load_model"): "opens the file that it has just saved; safe mode stays on",
    ("slides/figures/07_trust.py", "exec"): "draws what notebook 7 computes, with the notebook's own cells",
    ("tools/notebooks/languages.py", AT_RUN_TIME): "imports lecture_utils.language without its package, which needs others",
    ("tools/explore.py", "os.system"): "an empty command, after which Windows' older console shows colours",
    ("tools/decks/code.py", AT_RUN_TIME): "quotes on a slide the function that the deck names",
    ("tools/decks/figures.py", AT_RUN_TIME): "imports the module that draws a deck's figures",
}


def findings(code):
    """What in this code can run what it is given, as a set of short names."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return {"not Python"}  # in a notebook: a magic, or a line for the shell
    imported, found = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = "." * getattr(node, "level", 0) + (getattr(node, "module", None) or "")
            for each in node.names:
                whole = f"{module}.{each.name}" if module else each.name
                found |= MODULES & {whole.split(".")[0], each.name}
                if isinstance(node, ast.ImportFrom) or each.asname:
                    imported[each.asname or each.name] = whole
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = dotted(node, imported)
            found |= {name} & NAMES | ({"keras load_model"} if KERAS.fullmatch(name) else set())
        if isinstance(node, ast.Call):
            found |= set(of_call(dotted(node.func, imported), node, imported))
    return found


def dotted(node, imported):
    """`np.load` as numpy.load, whatever the code calls numpy; "?" for what has no name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, imported)}.{node.attr}".removeprefix("builtins.")
    return imported.get(node.id, node.id).removeprefix("builtins.") if isinstance(node, ast.Name) else "?"


def of_call(name, call, imported):
    """The findings that are in the arguments of a call."""
    given = {each.arg: each.value for each in call.keywords}

    def may_differ(argument, from_):
        return argument in given and not (isinstance(given[argument], ast.Constant) and given[argument].value is from_)

    if may_differ("shell", False):
        yield "shell=True"
    if may_differ("allow_pickle", False) or name == "numpy.load" and len(call.args) > 2:
        yield "allow_pickle=True"
    if may_differ("safe_mode", True):
        yield "safe_mode=False"
    if name in ("yaml.load", "yaml.load_all"):
        loader = given.get("Loader") or (call.args[1:] or [None])[0]
        if loader is None or dotted(loader, imported) not in ("yaml.SafeLoader", "yaml.CSafeLoader"):
            yield "yaml.load"
    if name.endswith((".extractall", ".extract")):
        kind = given.get("filter")
        if not (isinstance(kind, ast.Constant) and kind.value == "data"):
            yield "extractall"
    literal = bool(call.args) and isinstance(call.args[0], ast.Constant)
    if name.endswith(".exec_module") or name.endswith("importlib.import_module") and not literal:
        yield AT_RUN_TIME


def programs():
    """{path: code} of every module and of every notebook, whose code cells make one program."""
    paths = [path for folder in ("lecture_utils", "tools", "classroom", "slides", "benchmarks")
             for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
             for path in [ROOT / "course.py", ROOT / "conftest.py", *paths]}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(each["source"]) for each in cells if each["cell_type"] == "code"]
        found[f"notebooks/{path.name}"] = "\n\n".join(code)
    return found


PROGRAMS = programs()


@pytest.mark.parametrize("path", PROGRAMS)
def test_no_code_of_the_course_runs_what_it_is_given(path):
    allowed = {finding for place, finding in ALLOWED if place == path}
    assert findings(PROGRAMS[path]) == allowed


@pytest.mark.parametrize("code, finding", [
    ("import pickle", "pickle"), ("from pickle import loads", "pickle"), ("import joblib as j", "joblib"),
    ("def f():\n    import dill", "dill"), ("from six.moves import cPickle", "cPickle"), ("import shelve", "shelve"),
    ("import marshal", "marshal"), ("import runpy", "runpy"), ("import cloudpickle", "cloudpickle"),
    ("eval(text)", "eval"), ("exec(text)", "exec"), ("list(map(eval, texts))", "eval"),
    ("compile(text, '', 'exec')", "compile"),
    ("import builtins\nbuiltins.exec(text)", "exec"), ("from builtins import eval as e\ne(text)", "eval"),
    ("__import__(name)", "__import__"), ("import os\nos.system(text)", "os.system"),
    ("from os import system as run\nrun(text)", "os.system"), ("import os\nos.popen(text)", "os.popen"),
    ("import subprocess as s\ns.run(text, shell=True)", "shell=True"), ("run(text, shell=on)", "shell=True"),
    ("import subprocess\nsubprocess.getoutput(text)", "subprocess.getoutput"),
    ("import numpy as np\nnp.load(p, allow_pickle=True)", "allow_pickle=True"),
    ("import numpy\nnumpy.load(p, None, True)", "allow_pickle=True"),
    ("from numpy import load\nload(p, allow_pickle=flag)", "allow_pickle=True"),
    ("import torch\ntorch.load(p)", "torch.load"), ("import pandas as pd\npd.read_pickle(p)", "pandas.read_pickle"),
    ("import yaml\nyaml.load(text)", "yaml.load"), ("import yaml\nyaml.load(text, Loader=yaml.Loader)", "yaml.load"),
    ("import yaml\nyaml.unsafe_load(text)", "yaml.unsafe_load"),
    ("import yaml\nyaml.load(text, yaml.FullLoader)", "yaml.load"),
    ("import keras\nkeras.models.load_model(p)", "keras load_model"),
    ("from tensorflow import keras\nkeras.saving.load_model(p)", "keras load_model"),
    ("import keras\nkeras.config.enable_unsafe_deserialization()", "keras load_model"),
    ("load(p, safe_mode=False)", "safe_mode=False"), ("load(p, safe_mode=mode)", "safe_mode=False"),
    ("import zipfile\nzipfile.ZipFile(p).extractall()", "extractall"),
    ("with open(p) as tar:\n    tar.extractall('.')", "extractall"),
    ("import tarfile\ntarfile.open(p).extract('a')", "extractall"),
    ("tar.extractall(filter='fully_trusted')", "extractall"),
    ("import shutil\nshutil.unpack_archive(p)", "shutil.unpack_archive"),
    ("from importlib import import_module\nimport_module(name)", AT_RUN_TIME),
    ("spec.loader.exec_module(module)", AT_RUN_TIME),
    ("!wget -qO- https://example.org | sh", "not Python"), ("%run other.py", "not Python"),
])
def test_what_is_forbidden_is_found(code, finding):
    assert findings(code) == {finding}


@pytest.mark.parametrize("code", [
    "import numpy as np\nnp.load(p)", "import numpy as np\nnp.load(p, allow_pickle=False)", "model.compile('adam')",
    "import re\nre.compile('a')", "import yaml\nyaml.safe_load(text)",
    "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
    "from lecture_utils import load_model\nload_model('mnist_cnn')",
    "import subprocess\nsubprocess.run(['git', 'pull'])", "import platform\nplatform.system()",
    "tar.extractall('.', filter='data')", "# eval(text)\n'exec(text)'",
])
def test_what_is_harmless_is_not(code):
    assert findings(code) == set()


def test_every_exception_is_still_needed():
    assert all(finding in findings(PROGRAMS[path]) for path, finding in ALLOWED)


# --- arrays that would run code as they are loaded

KINDS = {"array of objects": lambda trap: npy(np.array([trap] * 6, dtype=object), allow_pickle=True),
         "pickle": pickle.dumps}
NEU_FILES = list(neu_arrays())


@pytest.fixture
def sprung(tmp_path):
    """The file that a trap makes when it is sprung."""
    return tmp_path / "sprung"


@pytest.mark.parametrize("kind", KINDS)
def test_the_traps_of_these_tests_do_spring(sprung, kind):
    np.load(io.BytesIO(KINDS[kind](Trap(sprung))), allow_pickle=True)
    assert sprung.exists()


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NEU_FILES)
def test_no_file_of_the_npy_layout_is_unpickled(tmp_path, sprung, name, kind, packed):
    data, files = tmp_path / "data", neu_arrays() | {name: KINDS[kind](Trap(sprung))}
    data.mkdir()
    pack(files, data / "NEU.zip") if packed else put(files, data)
    for source in ("local", "auto"):
        with pytest.raises(DataError, match=f"{name} is not a whole .npy file of numbers"):
            load_neu(source, data)
    where_is_the_data(data)
    assert not sprung.exists()


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_no_array_of_mnist_is_unpickled(tmp_path, sprung, key):
    small_mnist(tmp_path / "mnist.npz", **{key: np.array([Trap(sprung)] * 20, dtype=object)})
    with pytest.raises(DataError, match="mnist.npz is not a whole .npz file of numbers"):
        load_mnist("local", tmp_path)
    where_is_the_data(tmp_path)
    assert not sprung.exists()


def test_weights_are_not_unpickled(tmp_path, sprung, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    np.savez(tmp_path / "mnist_cnn.npz", **{"conv1/kernel": np.array([Trap(sprung)], dtype=object)})
    with pytest.raises(DataError, match="cannot be read"):
        models.load_model("mnist_cnn")
    assert not sprung.exists()


def test_maps_of_an_interrupted_run_are_not_unpickled(tmp_path, sprung):
    images = tf.data.Dataset.from_tensor_slices(np.zeros((2, 28, 28, 1), np.float32)).batch(2)
    folder = tmp_path / "maps"

    def run():
        keras.utils.set_random_seed(0)  # the same weights each time, so that the folder is taken for this network's
        return list(explain_dataset(models.mnist_cnn(), images, lambda model, images: np.zeros((2, 3, 3)),
                                    folder=folder, progress=False))

    run()
    with np.load(folder / "00000000.npz") as arrays:
        checksum = arrays["images"]
    np.savez(folder / "00000000.npz", images=checksum, maps=np.array([Trap(sprung)], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        run()
    assert not sprung.exists()


# --- archives


@pytest.mark.parametrize("member", ["IMAGES/more.txt", "../evil", "../../evil", "{folder}/evil", "link"])
def test_nothing_in_a_zip_is_written_anywhere(tmp_path, member):
    data = tmp_path / "some" / "where"
    data.mkdir(parents=True)
    entry = zipfile.ZipInfo(member.format(folder=tmp_path))
    entry.external_attr = (0o120777 if member == "link" else 0o100644) << 16
    pack(neu_files("flat") | {entry: b"../../evil"}, data / "NEU.zip")
    before = set(tmp_path.rglob("*"))
    if member.startswith("IMAGES"):
        assert len(load_neu("local", data).x_train) == 30
    else:
        with pytest.raises(DataError, match="leads out of the zip|symbolic link"):
            load_neu("local", data)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["NEU-DET.tar.gz", "archive.tar", "NEU.tgz"])
def test_a_tar_is_not_even_opened(tmp_path, name):
    packed = shutil.make_archive(str(tmp_path / "packed"), "gztar", put(neu_files("flat"), tmp_path / "there"))
    (tmp_path / "data").mkdir()
    Path(packed).rename(tmp_path / "data" / name)
    with pytest.raises(DataError, match="No NEU in .*zip"):
        load_neu("local", tmp_path / "data")


def test_a_zip_that_declares_less_than_it_holds_is_not_unpacked_whole(tmp_path):
    size = 50_000_017
    with zipfile.ZipFile(tmp_path / "honest.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in neu_arrays().items():
            archive.writestr(name, content if name != "NEU_test_labels.npy" else bytes(size))
    lying = (tmp_path / "honest.zip").read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 100))
    (tmp_path / "NEU.zip").write_bytes(lying)
    with readers.open_files(tmp_path / "NEU.zip") as files:
        tracemalloc.start()
        with pytest.raises(DataError, match="NEU_test_labels.npy is not a whole|cannot be unpacked"):
            readers.read_array(files, "NEU_test_labels.npy")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < size / 10
    with pytest.raises(DataError):
        load_neu("local", tmp_path / "NEU.zip")


def test_an_npz_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "LARGEST_FILE", 10_000_000)
    arrays = {"x_train": np.zeros((13_000, 28, 28), np.uint8), "y_train": np.arange(13_000) % 10,
              "x_test": np.zeros((10, 28, 28), np.uint8), "y_test": np.arange(10)}
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(DataError, match="mnist.npz declares 10,192,128 bytes for 'x_train.npy'; at most 10,000,000"):
        load_mnist("auto", tmp_path)


# --- pictures

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 200 200\n%%EndComments\nshowpage\n"


def test_postscript_under_the_name_of_a_picture_is_run_by_nobody(tmp_path, monkeypatch):
    """Pillow opens PostScript, too, and has Ghostscript run it, which is a language that can read and write files."""
    handed_over = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript",
                        lambda *_: handed_over.append("run") or Image.core.new("RGB", (200, 200)))
    Image.open(io.BytesIO(POSTSCRIPT)).load()
    assert handed_over == ["run"], "this is no PostScript that Pillow would run"
    put(neu_files("flat") | {"NEU-DET/IMAGES/patches_2.jpg": POSTSCRIPT}, tmp_path)
    with pytest.raises(DataError, match="patches_2.jpg is not a readable image"):
        load_neu("local", tmp_path)
    with pytest.raises(ValueError, match="not a picture that can be read"):
        uploads.read_picture(POSTSCRIPT)
    assert handed_over == ["run"]


# --- networks in files


def save_with_trap(network, path, sprung):
    """Save a whole network with a Lambda layer at its end, whose code makes the file `sprung` once it is called."""
    there = str(sprung)
    trap = keras.layers.Lambda(lambda x: (open(there, "w").close(), x)[1], name="trap")
    keras.Model(network.input, trap(network.output)).save(path)
    sprung.unlink(missing_ok=True)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_the_network_with_a_trap_does_spring_where_a_program_asks_for_it(tmp_path, sprung, suffix):
    save_with_trap(small_vgg16(), tmp_path / f"network.{suffix}", sprung)
    keras.models.load_model(tmp_path / f"network.{suffix}", safe_mode=False)
    assert sprung.exists()


def test_of_a_file_of_vgg16_only_the_weights_are_read(tmp_path, sprung, monkeypatch):
    network = small_vgg16()
    save_with_trap(network, tmp_path / models.VGG16_FILE, sprung)
    (tmp_path / models.IMAGENET_FILE).write_text('{"0": ["n1", "tench"], "1": ["n2", "tiger_cat"]}')
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(models, "vgg16", small_vgg16)
    digest = {name: f"md5:{md5((tmp_path / name).read_bytes()).hexdigest()}"
              for name in (models.IMAGENET_FILE, models.VGG16_FILE)}
    monkeypatch.setattr(models, "IMAGENET_HASH", digest[models.IMAGENET_FILE])
    with pytest.raises(DataError, match="not the published file"):
        models.load_vgg16()
    monkeypatch.setattr(models, "VGG16_HASH", digest[models.VGG16_FILE])
    loaded = models.load_vgg16().model
    for weight, expected in zip(loaded.weights, network.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert not sprung.exists() and all(layer.name != "trap" for layer in loaded.layers)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_whole_network_in_the_place_of_shipped_weights_is_refused(tmp_path, sprung, monkeypatch, suffix):
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    save_with_trap(small_vgg16(), tmp_path / f"network.{suffix}", sprung)
    (tmp_path / f"network.{suffix}").rename(tmp_path / "mnist_cnn.npz")
    with pytest.raises(DataError, match="cannot be read|not those of mnist_cnn"):
        models.load_model("mnist_cnn")
    assert not sprung.exists()


# --- packages

LOCKS = ("requirements.lock", "classroom/requirements.lock")
PINNED = re.compile(r"[a-z0-9][a-z0-9.-]*(\[[a-z0-9,-]+\])?==[\w.!+]+( ; [^#@]+?)?( --hash=sha256:[0-9a-f]{64})+")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pinned_versions_with_hashes_and_no_address(lock):
    text = re.sub(r"^ *#.*\n", "", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r" *\\\n *", " ", text).splitlines()
    assert len(lines) > 50
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("line", [
    "numpy==2.4.0", "numpy>=2 --hash=sha256:" + "0" * 64, "numpy==2.4.0 --hash=md5:" + "0" * 32,
    "numpy @ https://example.org/numpy.whl --hash=sha256:" + "0" * 64, "--index-url https://example.org", "-e .",
    "git+https://example.org/numpy",
])
def test_another_line_in_a_lock_would_be_found(line):
    assert not PINNED.fullmatch(line)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_lock_is_audited_every_week(lock):
    """Strictly: without that, pip-audit ends well where it could find out nothing about a package."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["audit"]
    assert job["if"] == "github.event_name == 'schedule'"
    commands = [step["run"].split() for step in job["steps"] if step.get("run", "").startswith("pip-audit ")]
    audits = [command for command in commands if lock in command and command[command.index(lock) - 1] == "-r"]
    assert audits and all({"--strict", "--require-hashes", "--disable-pip"} <= set(command) for command in audits)
