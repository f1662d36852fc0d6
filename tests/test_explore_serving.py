"""The explorer's files, served to a hall: asked for over HTTP as a browser asks, and as a browser never would."""

import asyncio
import contextlib
import gzip
import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import psutil
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from tools import explore

SECRET = b"nobody must read this"
PAGE = b"<!DOCTYPE html><title>page</title>" + 5000 * b"text "
NETWORK = np.random.default_rng(0).bytes(3_000_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as the explorer's, with links that lead out of it, beside a file that is not to be had."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_bytes(SECRET)
    folder = outside / "explorer"
    (folder / "networks").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name, body in (("index.html", PAGE), ("explorer.js", b"one()" * 100), ("networks/net.js", NETWORK), ("empty.css", b""),
                       (".hidden", SECRET), (".git/config", SECRET)):
        (folder / name).write_bytes(body)
    with contextlib.suppress(OSError):      # Windows lets not everyone make links
        (folder / "link.txt").symlink_to(outside / "secret.txt")
        (folder / "linked").symlink_to(outside, target_is_directory=True)
        (folder / "networks" / "up.js").symlink_to(os.path.join("..", "..", "secret.txt"))
    return folder


@pytest.fixture
def start():
    """start(folder) serves a folder and gives the port."""
    with contextlib.ExitStack() as stack:
        yield lambda folder: stack.enter_context(served(folder, {}))


@pytest.fixture(scope="module")
def port(folder):
    with served(folder, {}) as port:
        yield port


@pytest.fixture(scope="module")
def impatient(folder):
    """As `port`, of a server that waits half a second for a request to come in."""
    with served(folder, {"idle_connection_timeout": 0.5}) as port:
        yield port


@contextlib.contextmanager
def served(folder, limits):
    listening, port = bind_unused_port()
    started, loop = threading.Event(), asyncio.new_event_loop()

    async def serve():
        server = HTTPServer(explore.make_application(explore.read_folder(folder)), **explore.LIMITS | limits)
        server.add_socket(listening)
        started.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(serve()), loop.run_forever()), daemon=True)
    thread.start()
    started.wait()
    yield port
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def ask(port, path, method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def said(port, data):
    """All that the server answers to these bytes, as they are, until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        with contextlib.suppress(ConnectionError):      # it may hang up before all of them are sent
            connection.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


# ---- what is there


@pytest.mark.parametrize("path, body, kind", [
    ("/", PAGE, "text/html; charset=utf-8"), ("/index.html", PAGE, "text/html; charset=utf-8"),
    ("/explorer.js", b"one()" * 100, "text/javascript; charset=utf-8"), ("/explorer.js?v=2", b"one()" * 100, "text/javascript"),
    ("/networks/net.js", NETWORK, "text/javascript"), ("/networks/%6eet.js", NETWORK, "text/javascript"),
    ("/empty.css", b"", "text/css")])
def test_every_file_of_the_folder_is_served_whole(port, path, body, kind):
    status, headers, got = ask(port, path)
    assert status == 200 and got == body and headers["Content-Type"].startswith(kind) and headers["Content-Encoding"] is None
    head = ask(port, path, "HEAD")
    assert head[0] == 200 and head[2] == b"" and head[1]["Content-Length"] == str(len(body))


def test_what_gzip_makes_smaller_is_sent_smaller(port):
    for path, body, packed in (("/", PAGE, True), ("/networks/net.js", NETWORK, False)):
        _, headers, got = ask(port, path, Accept_Encoding="gzip, deflate")
        assert headers["Vary"] == "Accept-Encoding" and (headers["Content-Encoding"] == "gzip") == packed
        assert (gzip.decompress(got) if packed else got) == body and len(got) == int(headers["Content-Length"])


def test_what_a_browser_has_already_is_not_sent_again(port):
    tag = ask(port, "/")[1]["Etag"]
    status, headers, body = ask(port, "/", If_None_Match=tag)
    assert (status, body) == (304, b"") and headers["Etag"] == tag
    assert ask(port, "/", If_None_Match='"another"')[0] == 200
    assert ask(port, "/", Accept_Encoding="gzip")[1]["Etag"] != tag


def test_every_answer_confines_the_page(port):
    for path, method in (("/", "GET"), ("/nowhere", "GET"), ("/", "POST")):
        headers = ask(port, path, method)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert not {"Set-Cookie", "Access-Control-Allow-Origin", "Server"} & set(headers)


# ---- what is not to be had


@pytest.mark.parametrize("path", [
    "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/..%5csecret.txt", "/..\\secret.txt",
    "/%252e%252e/secret.txt", "/..%c0%afsecret.txt", "/%c0%ae%c0%ae/secret.txt", "/..%ef%bc%8fsecret.txt", "/....//secret.txt",
    "/networks/../../secret.txt", "/networks/..%2f..%2fsecret.txt", "/./../secret.txt", "//secret.txt", "///../secret.txt",
    "/index.html/../../secret.txt", "/index.html/", "/index.html%00", "/index.html%00.js", "/%00", "/secret.txt%00.html",
    "/link.txt", "/linked/secret.txt", "/linked/explorer/index.html", "/networks/up.js", "/.hidden", "/.git/config", "/networks",
    "/networks/", "/INDEX.HTML", "/index.html.", "/index.html::$DATA", "/index.html%20", "/CON", "/C:/secret.txt",
    "/c:%5csecret.txt", "/%5c%5clocalhost%5cc$%5csecret.txt", "/file:///etc/passwd", "/etc/passwd", "/%2fetc%2fpasswd",
    "//etc/passwd", "/~root", "/proc/self/environ", "/course.py", "/hall", "/nowhere", "*", "http://127.0.0.1/secret.txt", "file:///etc/passwd"])
def test_nothing_else_is_had(port, folder, path):
    for method in ("GET", "HEAD"):
        answer = said(port, f"{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode("latin-1"))
        assert re.match(rb"HTTP/1.1 40[04] ", answer), answer[:100]
        assert len(answer) < 1500 and not any(word in answer for word in (SECRET, b"root:", b"Traceback", os.fsencode(folder)))


def test_whatever_bytes_stand_for_a_path_they_name_a_file_of_the_folder_or_nothing(port):
    """Two thousand drawn from what leads out of folders elsewhere."""
    rng = np.random.default_rng(0)
    parts = ["/", "..", ".", "%2e", "%2f", "%5c", "\\", "secret.txt", "explorer", "networks", "net.js", "index.html", "%00",
             "%25", "link.txt", "linked", "~", ":", ";", "?", "#", "%", "%e9", "é", "//"]
    bodies = {PAGE, b"one()" * 100, NETWORK, b""}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    seen = set()
    for _ in range(2000):
        path = "/" + "".join(rng.choice(parts, rng.integers(1, 9)))
        connection.putrequest("GET", "/", skip_accept_encoding=True)
        connection._buffer[0] = f"GET {path} HTTP/1.1".encode("latin-1")        # as it is: the client would refuse some
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        seen.add(response.status)
        assert response.status in (400, 404) or response.status == 200 and body in bodies, path
        assert SECRET not in body
    assert {200, 404} <= seen


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"])
def test_nothing_but_reading_can_be_done(port, folder, method):
    for path in ("/", "/index.html", "/new.html", "/../new.html"):
        answer = said(port, f"{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 405 ")
    assert (folder / "index.html").read_bytes() == PAGE and not list(folder.parent.rglob("new.html"))


HOST = b" HTTP/1.1\r\nHost: here\r\n"


@pytest.mark.parametrize("data", [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"GET /" + 100_000 * b"a" + HOST + b"\r\n", b"GET /%" + 15_000 * b"2e%" + HOST + b"\r\n", bytes(range(256)) * 500,
    b"GET /" + HOST + 10_000 * b"X: y\r\n" + b"\r\n", b"GET /" + HOST + b"X: \x00\r\n\r\n",
    b"GET /" + HOST + b"Content-Length: 1000000000000\r\n\r\nbody", b"GET /" + HOST + b"Content-Length: -1\r\n\r\n",
    b"GET /" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\nbody",
    b"GET /" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
def test_what_is_no_request_is_hung_up_on(impatient, data):
    answer = said(impatient, data)
    assert answer == b"" or re.match(rb"HTTP/1.1 4\d\d ", answer)
    assert ask(impatient, "/")[2] == PAGE


def test_a_file_that_is_exchanged_for_a_link_later_is_still_the_file(start, folder, tmp_path):
    """The disk is read before the first request, and not again."""
    (tmp_path / "index.html").write_bytes(PAGE)
    port = start(tmp_path)
    (tmp_path / "index.html").unlink()
    (tmp_path / "index.html").write_bytes(SECRET)
    assert ask(port, "/")[2] == PAGE


# ---- who is slow


def test_half_a_request_is_not_waited_for_without_end(impatient):
    halves = [socket.create_connection(("127.0.0.1", impatient), timeout=300) for _ in range(50)]
    for half in halves:
        half.sendall(b"GET / HTTP/1.1\r\nHost: he")
    assert ask(impatient, "/")[2] == PAGE       # they keep nobody waiting
    for half in halves:
        assert half.recv(100) == b""        # the server hangs up
        half.close()


def test_who_takes_nothing_is_hung_up_on_and_keeps_nobody_waiting(start, folder, monkeypatch):
    monkeypatch.setattr(explore, "SLOWEST", 0.5)
    port = start(folder)
    slow = [reader_of_little(port) for _ in range(20)]
    assert ask(port, "/networks/net.js")[2] == NETWORK
    deadline = time.monotonic() + 120
    while not all(hung_up(reader) for reader in slow):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for reader in slow:
        reader.close()


def reader_of_little(port):
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(300)
    reader.connect(("127.0.0.1", port))
    reader.sendall(3 * b"GET /networks/net.js HTTP/1.1\r\nHost: here\r\n\r\n")
    return reader


def hung_up(reader):
    """Whether the server has; what is on its way is left where it is."""
    try:
        reader.sendall(b"\r\n")
        return False
    except ConnectionError:
        return True


def test_three_hundred_ask_at_once(port):
    got = [None] * 300
    threads = [threading.Thread(target=lambda n=n: got.__setitem__(n, ask(port, "/explorer.js")[2])) for n in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(got) == {b"one()" * 100}


# ---- the address


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """The command, with a folder and sources of its own, and a build that writes a page; what it did is listed."""
    did = []

    def build(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text("built")
        did.append("built")

    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "page.js").write_text("one")
    monkeypatch.setattr(explore, "ROOT", tmp_path)
    monkeypatch.setattr(explore, "SOURCES", ("tools",))
    monkeypatch.setattr(explore, "PAGE", tmp_path / "build" / "explorer")
    monkeypatch.setattr(explore, "BUILT_FROM", tmp_path / "build" / "explorer.sha256")
    monkeypatch.setattr(explore, "build", build)
    monkeypatch.setattr(explore.webbrowser, "open", lambda address: did.append(address) or True)
    monkeypatch.setattr(sys, "argv", ["explore"])
    return did


def test_it_is_built_once_and_opened_from_its_folder(opened, tmp_path, capsys):
    page = (tmp_path / "build" / "explorer" / "index.html").as_uri()
    explore.main()
    explore.main()
    assert opened == ["built", page, page] and page.startswith("file://")
    assert str(tmp_path / "build" / "explorer" / "index.html") in capsys.readouterr().out


@pytest.mark.parametrize("change", [lambda root: (root / "tools" / "page.js").write_text("two"),
                                    lambda root: (root / "tools" / "more.js").write_text(""),
                                    lambda root: (root / "tools" / "page.js").rename(root / "tools" / "other.js"),
                                    lambda root: (root / "build" / "explorer" / "index.html").unlink()])
def test_it_is_built_again_when_anything_has_changed(opened, tmp_path, change):
    explore.make()
    change(tmp_path)
    explore.make()
    explore.make()
    assert opened == ["built", "built"]


def test_a_build_that_is_broken_off_is_begun_again(opened, tmp_path, monkeypatch):
    explore.make()
    (tmp_path / "tools" / "page.js").write_text("two")
    whole = explore.build

    def broken(folder):
        whole(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(explore, "build", broken)
    with pytest.raises(KeyboardInterrupt):
        explore.make()
    (tmp_path / "tools" / "page.js").write_text("one")      # what the last whole build was made from
    monkeypatch.setattr(explore, "build", whole)
    explore.make()
    assert opened == ["built"] * 3


def test_where_no_browser_opens_the_path_is_said(opened, monkeypatch, capsys):
    monkeypatch.setattr(explore.webbrowser, "open", lambda address: False)
    explore.main()
    assert "open it in a browser: " in capsys.readouterr().out


@pytest.mark.parametrize("ip, host", [("192.168.1.20", "192.168.1.20"), ("2001:db8::5", "[2001:db8::5]")])
def test_a_given_address_is_printed_as_it_is_typed(ip, host):
    assert explore.address_for_others(ip) == host


def test_the_address_in_the_network_is_one_of_this_computers(monkeypatch):
    """One that others reach it by, if there is any; and it is found although nothing can be sent."""
    monkeypatch.setattr(socket.socket, "send", None)
    monkeypatch.setattr(socket.socket, "sendto", None)
    up = [name for name, state in psutil.net_if_stats().items() if state.isup]
    own = {address.address for name in up for address in psutil.net_if_addrs().get(name, ()) if address.family == socket.AF_INET}
    assert explore.address_for_others("0.0.0.0") in ({each for each in own if not each.startswith("127.")} or {"127.0.0.1"})


def test_without_any_network_it_is_this_computer(monkeypatch):
    def unreachable(*_):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert explore.address_for_others("0.0.0.0") == "127.0.0.1" and explore.address_for_others("::") == "[::1]"


ADDRESS = "http://192.168.100.200:8866/"


def test_the_terminals_qr_code_is_read_whatever_its_colours():
    """What the escape codes paint, drawn: black on white are asked for by number, which no theme changes."""
    lines = explore.qr_lines(ADDRESS).split("\n")
    assert all(line.startswith("\033[38;5;16;48;5;231m") and line.endswith("\033[0m") for line in lines)
    text = [re.sub("\033\\[[\\d;]*m", "", line) for line in lines]
    assert len({len(line) for line in text}) == 1 and len(text[0]) <= 79 and len(text) <= 23
    dark = np.array([[letter in letters for letter in line] for line in text for letters in ("▀█", "▄█")])
    assert decoded(dark) == ADDRESS


def test_the_page_for_the_projector_shows_it():
    page = explore.hall_page(ADDRESS)
    size = int(re.search(r'viewBox="0 0 (\d+) \1"', page)[1])
    dark = np.zeros((size, size), bool)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", page):
        dark[int(y), int(x)] = True
    assert decoded(dark) == ADDRESS and not dark[:4].any() and not dark[:, -4:].any()
    assert page.count(f">{ADDRESS}<") == 1


def decoded(dark):
    picture = np.where(np.kron(dark, np.ones((8, 8), bool)), 0, 255).astype(np.uint8)
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def test_the_command_serves_what_it_prints(folder, tmp_path):
    """In a process of its own, as `course.py` starts it, over a folder that is already built."""
    code = ("import pathlib, sys; from tools import explore; explore.make = lambda: None; "
            "explore.serve.__defaults__ = (pathlib.Path(sys.argv.pop(1)),); explore.main()")
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), "--ip", "127.0.0.1", "--port", "0"],
                               stdout=subprocess.PIPE, text=True, cwd=explore.ROOT)
    try:
        printed = process.stdout.readline() + process.stdout.readline()
        port = int(re.search(r"The explorer is at http://127\.0\.0\.1:(\d+)/", printed)[1])
        assert f":{port}/hall" in printed
        assert ask(port, "/")[2] == PAGE and f"127.0.0.1:{port}/" in ask(port, "/hall")[2].decode()
        busy = subprocess.run([sys.executable, "-c", code, str(folder), "--ip", "127.0.0.1", "--port", str(port)],
                              capture_output=True, text=True, cwd=explore.ROOT, timeout=600)
        assert busy.returncode == 1 and "Choose another with --port" in busy.stderr and "Traceback" not in busy.stderr
    finally:
        process.terminate()
        process.wait()
