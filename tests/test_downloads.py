"""Downloads against a local server that fails in every way a server can, and against networks that are not there."""

import errno
import gzip
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lecture_utils.datasets import downloads, loaders
from lecture_utils.datasets.readers import DataError

CONTENT = bytes(range(256)) * 1024  # 256 KiB
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
ROOT = Path(__file__).resolve().parents[1]


class Faults(BaseHTTPRequestHandler):
    """Serves CONTENT at /good; what else a path does is the method of that name."""

    def do_GET(self):
        self.server.requests.append(self.path)
        getattr(self, self.path.strip("/").split("/")[0])()

    def _head(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def good(self):
        self._head(Content_Length=len(CONTENT))
        self.wfile.write(CONTENT)

    def archive(self):  # STL-10
        self._head(Content_Length=len(self.server.archive))
        self.wfile.write(self.server.archive)

    def unhurried(self):  # long enough for two processes to overlap
        self._head(Content_Length=len(CONTENT))
        for start in range(0, len(CONTENT), len(CONTENT) // 8):
            self.wfile.write(CONTENT[start:start + len(CONTENT) // 8])
            time.sleep(0.05)

    def wrong(self):
        self._head(Content_Length=len(CONTENT))
        self.wfile.write(CONTENT[::-1])

    def cut(self):
        self._head(Content_Length=len(CONTENT))
        self.wfile.write(CONTENT[:1000])

    def stall(self):
        self._head(Content_Length=len(CONTENT))
        self.wfile.write(CONTENT[:1000])
        self.wfile.flush()
        self.server.closing.wait()

    def trickle(self):
        self._head(Content_Length=len(CONTENT))
        for byte in CONTENT:
            if self.server.closing.wait(0.02):
                return
            self.wfile.write(bytes([byte]))

    def silent(self):
        self.server.closing.wait()

    def missing(self):
        self._head(404)

    def failing(self):
        self._head(503)

    def loop(self):
        self._head(302, Location="/loop")

    def moved(self):
        self._head(302, Location="/good")

    def moved_away(self):
        self._head(302, Location=self.server.elsewhere)

    def odd_length(self):  # what follows is the length that is declared
        self._head(Content_Length=self.path.split("/", 2)[2])
        self.wfile.write(CONTENT)

    def odd_address(self):  # what follows is where it leads
        self._head(302, Location=self.server.elsewhere)

    def flood(self):  # without a length, and more than was thought
        self._head()
        for _ in range(16):
            self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Faults)
    server.requests, server.closing = [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Downloads allowed, an empty cache, nothing remembered."""
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(downloads, "_failed", {})
    return tmp_path / "cache"


@pytest.fixture
def impatient(monkeypatch):
    """Half a second is long enough to know that nothing will come."""
    monkeypatch.setattr(downloads, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(downloads, "READ_SECONDS", 0.5)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


# --- all is well


@pytest.mark.parametrize("known_hash", [SHA256, "md5:" + hashlib.md5(CONTENT).hexdigest(), None])
def test_a_file_is_fetched_once_and_then_taken_from_the_cache(server, cache, known_hash):
    for _ in range(2):
        path = downloads.download(f"{server.url}/good", "file.bin", known_hash)
        assert path == cache / "file.bin"
    assert contents(cache) == {"file.bin": CONTENT}
    assert server.requests == ["/good"]


def test_redirects_are_followed(server, cache):
    downloads.download(f"{server.url}/moved", "file.bin", SHA256)
    assert contents(cache) == {"file.bin": CONTENT}
    assert server.requests == ["/moved", "/good"]


def test_progress_goes_to_stdout_and_nothing_to_stderr(server, capsys):
    downloads.download(f"{server.url}/good", "file.bin", SHA256)
    captured = capsys.readouterr()
    assert "good" in captured.out and captured.err == ""


def test_default_cache_is_the_users(monkeypatch):
    monkeypatch.delenv("COURSE_CACHE")
    assert "cnn-visual-explanations" in downloads.cache_folder().parts
    assert not downloads.cache_folder().is_relative_to(ROOT)


# --- the server fails

FAULTS = {
    "missing": "answers 404 Not Found",
    "failing": "answers 503",
    "loop": "redirects in a circle",
    "wrong": "another checksum",
    "cut": "cut off the download",
    "stall": "stopped answering",
    "trickle": "stopped answering",
    "silent": "stopped answering",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_sentence_and_leaves_nothing(server, cache, impatient, fault):
    with pytest.raises(DataError, match=FAULTS[fault]) as error:
        downloads.download(f"{server.url}/{fault}", "file.bin", SHA256)
    assert "127.0.0.1" in str(error.value) and "\n" not in str(error.value)
    assert contents(cache) == {}


@pytest.mark.parametrize("length", ["many", "-5", "1e3", "", "262144, 262144", "1, 2"])
def test_a_length_that_is_none_is_left_alone(server, cache, length):
    """The checksum says whether what came is whole."""
    downloads.download(f"{server.url}/odd_length/{length}", "file.bin", SHA256)
    assert contents(cache) == {"file.bin": CONTENT}


def test_a_length_that_cannot_be_is_a_sentence(server, cache):
    with pytest.raises(DataError, match="^127.0.0.1.*file.bin") as error:
        downloads.download(f"{server.url}/odd_length/{'9' * 5000}", "file.bin", SHA256)
    assert "\n" not in str(error.value) and contents(cache) == {}


@pytest.mark.parametrize("address", ["http://[::1", "http://127.0.0.1:99999999/", "http://127.0.0.1:port/", "http://",
                                     "file:///etc/passwd", "ftp://127.0.0.1/file", "http:///file", "mailto:x@y.example",
                                     f"http://{'a' * 300}.example/", "http://a..example/", "\x80\xff:"])
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_redirect_to_what_is_no_address(server, cache, address):
    server.elsewhere = address
    with pytest.raises(DataError, match=r"\S") as error:
        downloads.download(f"{server.url}/odd_address", "file.bin", SHA256)
    assert "\n" not in str(error.value)
    assert contents(cache) == {}


@pytest.mark.parametrize("known_hash", [SHA256, None])
def test_no_more_is_read_than_any_file_has(server, cache, monkeypatch, known_hash):
    monkeypatch.setattr(downloads, "LARGEST", 3 * len(CONTENT))
    with pytest.raises(DataError, match="127.0.0.1:.* sends more than 786,432 bytes"):
        downloads.download(f"{server.url}/flood", "file.bin", known_hash)
    assert contents(cache) == {}
    monkeypatch.setattr(downloads, "LARGEST", len(CONTENT))
    downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert contents(cache) == {"file.bin": CONTENT}


def test_a_file_that_was_cut_off_is_refused_without_a_checksum_too(server, cache):
    with pytest.raises(DataError, match="cut off"):
        downloads.download(f"{server.url}/cut", "file.bin")
    assert contents(cache) == {}


def test_a_failure_is_remembered_until_it_is_asked_for_again(server):
    for _ in range(3):
        with pytest.raises(DataError, match="404"):
            downloads.download(f"{server.url}/missing", "file.bin", SHA256)
    assert server.requests == ["/missing"]
    with pytest.raises(DataError, match="404"):
        downloads.download(f"{server.url}/missing", "file.bin", SHA256, again=True)
    assert server.requests == ["/missing", "/missing"]


# --- there is no network


def test_offline_by_wish_asks_nobody(server, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(DataError, match="COURSE_OFFLINE=1"):
        downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert server.requests == []


def test_offline_by_wish_does_not_look_into_the_cache(server, monkeypatch):
    downloads.download(f"{server.url}/good", "file.bin", SHA256)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert downloads.cached("file.bin", SHA256) is None
    with pytest.raises(DataError, match="COURSE_OFFLINE=1"):
        downloads.download(f"{server.url}/good", "file.bin", SHA256)


def test_nobody_listens():
    port = free_port()
    with pytest.raises(DataError, match=f"No connection to 127.0.0.1:{port} "):
        downloads.download(f"http://127.0.0.1:{port}/good", "file.bin", SHA256)


def test_redirect_to_a_host_that_is_not_there(server):
    server.elsewhere = f"http://127.0.0.1:{free_port()}/good"
    with pytest.raises(DataError, match="No connection to 127.0.0.1"):
        downloads.download(f"{server.url}/moved_away", "file.bin", SHA256)


def test_no_such_name(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DataError, match="No connection to data.example .*not known"):
        downloads.download("https://data.example/good", "file.bin", SHA256)


def test_no_route(monkeypatch):
    def no_route(*_, **__):
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(socket, "create_connection", no_route)
    with pytest.raises(DataError, match="No connection to data.example .*No route"):
        downloads.download("https://data.example/good", "file.bin", SHA256)


@pytest.mark.parametrize("hanging", ["getaddrinfo", "create_connection"])
def test_names_and_connections_that_hang_are_given_up(monkeypatch, impatient, hanging):
    released, calls = threading.Event(), []

    def hang(*_, **__):
        calls.append(hanging)
        released.wait()
        raise OSError

    monkeypatch.setattr(socket, hanging, hang)
    for file in ("one", "two"):  # the second is not waited for: that host has just failed
        with pytest.raises(DataError, match="No connection to data.example .no answer within 0.5 s"):
            downloads.download(f"https://data.example/{file}", file, SHA256)
    released.set()
    assert calls == [hanging]


def test_offline_is_found_out_within_three_seconds():
    assert downloads.CONNECT_SECONDS < 3  # the bound that the test above shows to hold


def test_a_proxy_is_what_must_be_reached(server, monkeypatch):
    """With a proxy the host itself may well be out of reach."""
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.server_port}")
    downloads._require_connection("http://data.example/good")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(DataError, match="through the proxy"):
        downloads._require_connection("http://data.example/good")


# --- the cache


def test_a_corrupt_file_in_the_cache_is_fetched_anew(server, cache):
    cache.mkdir()
    (cache / "file.bin").write_bytes(CONTENT[:-1])
    assert downloads.cached("file.bin", SHA256) is None
    downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert contents(cache) == {"file.bin": CONTENT}


def test_a_corrupt_file_stays_unused_when_it_cannot_be_replaced(server, cache):
    cache.mkdir()
    (cache / "file.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match="404"):
        downloads.download(f"{server.url}/missing", "file.bin", SHA256)
    assert downloads.cached("file.bin", SHA256) is None


def test_an_interrupt_leaves_nothing_and_the_next_download_starts_afresh(server, cache, monkeypatch):
    with monkeypatch.context() as patch:
        def interrupted(*_):
            raise KeyboardInterrupt

        patch.setattr(downloads, "_progress", interrupted)
        with pytest.raises(KeyboardInterrupt):
            downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert contents(cache) == {}
    downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert contents(cache) == {"file.bin": CONTENT}


def test_leftovers_of_killed_processes_are_never_used_and_swept_after_a_day(server, cache):
    cache.mkdir()
    old, running = cache / "file.bin.1.part", cache / "file.bin.2.part"
    for leftover in (old, running):
        leftover.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert contents(cache) == {"file.bin": CONTENT, "file.bin.2.part": b"half"}


def test_a_full_disk(server, cache, monkeypatch):
    class FullDisk:
        def __init__(self, path, mode):
            self.file = open(path, mode)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, chunk):
            self.file.write(chunk[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloads, "open", FullDisk, raising=False)
    with pytest.raises(DataError, match="cannot be written to .*No space left on device.*COURSE_CACHE"):
        downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert contents(cache) == {}


def test_a_cache_that_cannot_be_made(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match="cannot be written"):
        downloads.download(f"{server.url}/good", "file.bin", SHA256)


def test_two_processes_at_once(server, cache):
    code = ("import sys; from lecture_utils.datasets.downloads import download; "
            "assert download(*sys.argv[1:]).read_bytes() == bytes(range(256)) * 1024")
    command = [sys.executable, "-c", code, f"{server.url}/unhurried", "file.bin", SHA256]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in both] == [(b"", 0)] * 2
    assert contents(cache) == {"file.bin": CONTENT}


def test_a_download_that_begins_and_ends_during_another_of_the_same_file(server, cache, monkeypatch):
    write, begun = downloads._write, []

    def write_and_be_overtaken(url, path):
        begun.append(path)
        write(url, path)
        if len(begun) == 1:
            downloads._fetch(url, cache / "file.bin", SHA256)

    monkeypatch.setattr(downloads, "_write", write_and_be_overtaken)
    assert downloads.download(f"{server.url}/good", "file.bin", SHA256) == cache / "file.bin"
    assert len(begun) == 2 and contents(cache) == {"file.bin": CONTENT}


def test_on_windows_a_file_that_another_process_fetched_meanwhile_is_taken(server, cache, monkeypatch):
    def in_use(source, target):
        Path(target).write_bytes(CONTENT)  # the other process was quicker, and has it open
        raise PermissionError(13, "The process cannot access the file")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", in_use)
        downloads.download(f"{server.url}/good", "file.bin", SHA256)
    assert contents(cache) == {"file.bin": CONTENT}


# --- what the loaders make of it


@pytest.fixture
def small_drawn(monkeypatch):
    monkeypatch.setattr(loaders, "EMBEDDED_DIGITS", {"train": (20, 0), "test": (10, 1)})


@pytest.mark.parametrize("fault", ["missing", "cut", "wrong", "stall"])
def test_auto_goes_on_with_drawn_digits_and_says_why(server, small_drawn, impatient, monkeypatch, capsys, fault):
    monkeypatch.setattr(loaders, "MNIST_URL", f"{server.url}/{fault}")
    data = loaders.load_mnist()
    assert data.source == "embedded" and data.x_train.shape == (20, 28, 28, 1)
    lines = [line for line in capsys.readouterr().out.replace("\r", "\n").splitlines() if line.startswith("MNIST")]
    assert len(lines) == 1 and FAULTS[fault] in lines[0] and "embedded" in lines[0]
    with pytest.raises(DataError, match=FAULTS[fault]):
        loaders.load_mnist("download")


@pytest.mark.parametrize("path, elsewhere", [("odd_length/many", ""), ("odd_address", "http://[::1"),
                                             ("odd_address", "http://127.0.0.1:99999999/")])
def test_auto_goes_on_where_the_server_talks_nonsense(server, small_drawn, monkeypatch, path, elsewhere):
    server.elsewhere = elsewhere
    monkeypatch.setattr(loaders, "MNIST_URL", f"{server.url}/{path}")
    assert loaders.load_mnist().source == "embedded"


def test_fetch_says_what_could_not_be_had(server, monkeypatch, capsys):
    monkeypatch.setattr(loaders, "MNIST_URL", f"{server.url}/missing")
    others = [recipe._replace(fetch=lambda again: ({}, None)) for recipe in (loaders.NEU, loaders.CIFAR10)]
    monkeypatch.setattr(loaders, "DATA_SETS", (loaders.MNIST, *others))
    assert loaders.main([]) == 1
    assert "MNIST: 127.0.0.1" in capsys.readouterr().out


# --- STL-10, which is large


def small_stl10():
    """A .tar.gz of one black training image, a truck, and one test image, a bird."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as members:
        for name, content in {"train_X.bin": bytes(27_648), "train_y.bin": b"\x0a", "test_X.bin": bytes(27_648),
                              "test_y.bin": b"\x02"}.items():
            member = tarfile.TarInfo(f"stl10_binary/{name}")
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return gzip.compress(archive.getvalue())


@pytest.fixture
def stl10_server(server, tmp_path, monkeypatch):
    server.archive = small_stl10()
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(loaders, "STL10_URL", f"{server.url}/archive")
    monkeypatch.setattr(loaders, "STL10_HASH", "md5:" + hashlib.md5(server.archive).hexdigest())
    monkeypatch.setattr(loaders, "STL10", loaders.STL10._replace(
        cached=lambda: downloads.cached(loaders.STL10_FILE, loaders.STL10_HASH)))
    monkeypatch.setattr(loaders, "DATA_SETS", (loaders.STL10,))
    return server


def test_stl10_is_not_downloaded_unless_it_is_asked_for(stl10_server, cache):
    with pytest.raises(DataError, match="STL-10 is not embedded .*`python3 course.py data STL-10` downloads its 2.6 GB"):
        loaders.load_stl10()
    assert loaders.main([]) == loaders.main(["--show"]) == 0
    assert stl10_server.requests == [] and contents(cache) == {}
    data = loaders.load_stl10("download")
    assert data.source.startswith("download: ") and (data.y_train.tolist(), data.y_test.tolist()) == ([9], [1])
    assert loaders.load_stl10().source == data.source  # the cache is at hand
    assert stl10_server.requests == ["/archive"]


def test_stl10_that_went_bad_in_the_cache_is_not_fetched_unasked(stl10_server, cache):
    cache.mkdir()
    (cache / loaders.STL10_FILE).write_bytes(stl10_server.archive[:-1])
    with pytest.raises(DataError, match="STL-10 is not embedded"):
        loaders.load_stl10()
    assert stl10_server.requests == []
    assert loaders.load_stl10("download").y_test.tolist() == [1]


@pytest.mark.parametrize("name", ["STL-10", "stl10"])
def test_the_command_fetches_stl10_by_its_name(stl10_server, cache, capsys, name):
    assert loaders.main([name]) == 0
    assert contents(cache) == {"stl10_binary.tar.gz": stl10_server.archive} and stl10_server.requests == ["/archive"]
    assert "STL-10       download cache        2 images" in capsys.readouterr().out


def test_an_altered_stl10_is_not_used(stl10_server, cache, monkeypatch, capsys):
    monkeypatch.setattr(loaders, "STL10_HASH", "md5:" + "0" * 32)
    assert loaders.main(["STL-10"]) == 1
    assert "STL-10: 127.0.0.1" in capsys.readouterr().out and contents(cache) == {}


def test_the_command_fetches_only_what_it_is_given_the_names_of(monkeypatch, capsys):
    asked = []
    recipes = [recipe._replace(fetch=lambda again, name=recipe.name: asked.append(name)) for recipe in loaders.DATA_SETS]
    monkeypatch.setattr(loaders, "DATA_SETS", recipes)
    monkeypatch.setattr(loaders, "_local_path", lambda *_: None)
    for names, fetched in (([], ["MNIST", "NEU", "CIFAR-10"]), (["cifar10", "STL-10"], ["CIFAR-10", "STL-10"]),
                           (["--show", "STL-10"], [])):
        loaders.main(names)
        assert asked == fetched
        asked.clear()
    with pytest.raises(SystemExit):
        loaders.main(["STL-11"])
    assert "there is no STL-11; there are MNIST, NEU, CIFAR-10, STL-10" in capsys.readouterr().err


def test_stl10_is_not_too_large_to_be_downloaded():
    assert 2_640_397_119 < downloads.LARGEST
