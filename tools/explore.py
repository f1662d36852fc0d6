"""The explorer, which runs in the reader's own browser: `python3 course.py explore` builds it, once, and opens it.

`--ip 0.0.0.0` serves it to a lecture hall, and prints the address that students can use, with its QR code; the page /hall
shows both on the projector. What is served is files and nothing else. They are read once, before the first request: no
request reaches the disk, so nothing but these files can be had, however it is asked for.
"""
import argparse
import asyncio
import contextlib
import gzip
import hashlib
import mimetypes
import os
import pathlib
import socket
import sys
import urllib.parse
import webbrowser
from typing import NamedTuple

import cv2
import numpy as np
import tornado.iostream
import tornado.web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from .notebooks.languages import add_language, say

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "build" / "explorer"
BUILT_FROM = ROOT / "build" / "explorer.sha256"         # of what PAGE was built from
SOURCES = ("tools/explorer", "tools/notebooks/fonts.py", "lecture_utils", "data/weights", "docs/glossary.toml")

PIECE = 64 * 1024       # bytes that are sent at a time: so much memory each reader takes
SLOWEST = 300           # seconds until a piece is taken: a full hall shares one radio
LIMITS = {"max_header_size": 16_000, "max_body_size": 0, "max_buffer_size": 4 * PIECE, "idle_connection_timeout": 30}

HEADERS = {     # the page loads nothing from elsewhere, sends nothing anywhere, and stands in no other page
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; "
                               "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
                               "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}

HALL = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>The explorer's address</title>
<link rel="icon" href="data:,">
<style>
  :root {{ color-scheme: light dark; }}
  body {{ margin: 0; min-height: 100vh; display: grid; place-content: center; justify-items: center; gap: 3vh; }}
  svg {{ width: min(80vh, 92vw); height: min(80vh, 92vw); background: white; shape-rendering: crispEdges; }}
  a {{ font: bold min(8vh, 5vw)/1.2 system-ui, sans-serif; color: inherit; max-width: 96vw; overflow-wrap: anywhere; }}
</style></head>
<body>
<svg viewBox="0 0 {size} {size}" role="img" aria-label="QR code of {address}"><path d="{path}"/></svg>
<a href="/">{address}</a>
</body>
</html>
"""     # no words: whoever reads it needs none


# ---- the folder


def main():
    parser = argparse.ArgumentParser(prog="course.py explore", description=__doc__.partition("\n")[0])
    parser.add_argument("--ip", help="serve it at this address of the computer, 0.0.0.0 for all; not given: open it here")
    parser.add_argument("--port", type=int, default=8866, help="where it is served (8866; 0: any that is free)")
    add_language(parser)
    arguments = parser.parse_args()
    make()
    if arguments.ip is None:
        open_here()
        return
    try:
        asyncio.run(serve(arguments.ip, arguments.port))
    except OSError as error:
        sys.exit(say("Cannot serve at {ip}, port {port}: {error}. Choose another with --port.",
                     ip=arguments.ip, port=arguments.port, error=error.strerror))
    except KeyboardInterrupt:
        pass        # so it is stopped


def make():
    """Build the explorer into PAGE, unless it is there, built from what the course holds now."""
    fingerprint = fingerprint_of_sources()
    if (PAGE / "index.html").is_file() and BUILT_FROM.is_file() and BUILT_FROM.read_text() == fingerprint:
        return
    print(say("Building the explorer, which takes half a minute; next time it is there."), flush=True)
    BUILT_FROM.unlink(missing_ok=True)      # a build that is broken off leaves nothing that seems complete
    build(PAGE)
    BUILT_FROM.write_text(fingerprint)


def build(folder):
    import lecture_utils.quiet  # noqa: F401  TensorFlow, which building needs and serving does not, without its log lines

    from .explorer.build import build
    with contextlib.redirect_stdout(None):      # the lines that say which data were read
        build(folder)


def fingerprint_of_sources():
    """Changes with every file that the explorer is built from."""
    digest = hashlib.sha256()
    found = [path for place in SOURCES for path in (ROOT / place, *(ROOT / place).rglob("*"))]
    paths = [path for path in found if path.is_file() and path.suffix != ".pyc"]
    for path in sorted(paths):
        digest.update(f"{path.relative_to(ROOT).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def open_here():
    page, language = PAGE / "index.html", os.environ.get("COURSE_LANG")
    opened = webbrowser.open(page.as_uri() + (f"#lang={language}" if language else ""))      # else the browser's own
    print(say("The explorer opens in your browser: {page}", page=page) if opened else
          say("The explorer is a page: open it in a browser: {page}", page=page))


# ---- the server


class Content(NamedTuple):
    """What stands at one address."""

    body: bytes
    kind: str
    packed: bytes | None        # the same by gzip, where that saves a tenth or more


def read_folder(folder):
    """{address: `Content`} of all files in a folder and below it; links are left out, wherever they point."""
    contents = {}
    for where, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (pathlib.Path(where, name) for name in names if not name.startswith(".")):
            if not path.is_symlink() and path.is_file():
                contents["/" + path.relative_to(folder).as_posix()] = content(path.read_bytes(), path.name)
    return contents | {address.removesuffix("index.html"): found for address, found in contents.items()
                       if address.endswith("/index.html")}


def content(body, name):
    packed = gzip.compress(body, mtime=0)
    return Content(body, KINDS.get(pathlib.PurePath(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
                   packed if len(packed) < 0.9 * len(body) else None)


KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".bin": "application/octet-stream"}        # whatever this computer's own table says


class File(tornado.web.RequestHandler):
    """One of the contents, looked up by its whole address."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, contents):
        self.contents = contents

    def set_default_headers(self):
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def get(self):
        found = self.contents.get(urllib.parse.unquote(self.request.path))
        if found is None:
            raise tornado.web.HTTPError(404)
        body = self._body_of(found)
        self.set_header("Content-Type", found.kind)
        self.set_header("Etag", f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        if self.check_etag_header():
            self.set_status(304)
            return
        self.set_header("Content-Length", len(body))
        if self.request.method == "GET":
            await self._send(body)

    head = get

    def _body_of(self, found):
        self.set_header("Vary", "Accept-Encoding")
        if found.packed is None or "gzip" not in self.request.headers.get("Accept-Encoding", ""):
            return found.body
        self.set_header("Content-Encoding", "gzip")
        return found.packed

    async def _send(self, body):
        """Piece by piece, each when the one before is taken; who takes none for too long is hung up on."""
        try:
            for start in range(0, len(body), PIECE):
                self.write(body[start:start + PIECE])
                await asyncio.wait_for(self.flush(), SLOWEST)
        except TimeoutError:
            self.request.connection.stream.close()
        except tornado.iostream.StreamClosedError:
            pass        # the reader has gone

    def write_error(self, status_code, **_):
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write(f"{status_code}: there are only the explorer's own files here.\n")


def make_application(contents):
    return tornado.web.Application([(".*", File, {"contents": contents})], log_function=lambda handler: None)


async def serve(ip, port, folder=PAGE):
    """Serve the folder's files until the process ends. Raises OSError where `ip` and `port` can't be had."""
    allow_many_connections()
    contents, sockets = read_folder(folder), bind_sockets(port, ip)
    address = f"http://{address_for_others(ip)}:{sockets[0].getsockname()[1]}/"
    contents["/hall"] = content(hall_page(address).encode(), "hall.html")
    HTTPServer(make_application(contents), **LIMITS).add_sockets(sockets)
    if sys.stdout.isatty():
        os.system("")       # Windows' older console shows colours from now on; elsewhere nothing happens
        print(qr_lines(address))
    print(say("The explorer is at {address}, for everyone whom this computer's network and firewall let through.\n"
              "For the projector, the address with its QR code: {address}hall\nStop it with Ctrl-C.", address=address),
          flush=True)
    await asyncio.Event().wait()


def allow_many_connections():
    """A browser opens up to six connections, and some systems give a process 256 of them."""
    try:
        import resource  # not on Windows, which has no such limit
    except ImportError:
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 10_000 if most == resource.RLIM_INFINITY else min(10_000, most)
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


# ---- the address


def address_for_others(ip):
    """The host that others type for a server at `ip`; of 0.0.0.0 or ::, this computer's address in its network."""
    host = own_address(ip) if ip in ("0.0.0.0", "::") else ip
    return f"[{host}]" if ":" in host else host


def own_address(every):
    """From which address this computer would reach others. Of a datagram socket, connecting only chooses it; nothing is sent."""
    family, elsewhere = (socket.AF_INET6, "2001:db8::1") if every == "::" else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((elsewhere, 9))
            return probe.getsockname()[0]
        except OSError:         # no network at all
            return "::1" if every == "::" else "127.0.0.1"


def qr_modules(text):
    """The QR code of a text: bool (side, side), true for dark, with the light border of four modules around."""
    light = cv2.QRCodeEncoder.create().encode(text) > 0
    rows, columns = np.flatnonzero(~light.all(axis=1)), np.flatnonzero(~light.all(axis=0))
    return np.pad(~light[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1], 4)


def qr_lines(text):
    """The QR code for a terminal, black on white whatever its colours are; two rows in a line of half blocks."""
    modules = qr_modules(text)
    pairs = zip(modules[::2], np.vstack([modules[1::2], np.zeros((len(modules) % 2, len(modules)), bool)]), strict=True)
    return "\n".join("\033[38;5;16;48;5;231m" + "".join(" ▄▀█"[2 * above + below] for above, below in zip(*pair, strict=True))
                     + "\033[0m" for pair in pairs)


def hall_page(address):
    """The page for the projector."""
    modules = qr_modules(address)
    path = "".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(modules))
    return HALL.format(size=len(modules), path=path, address=address)


if __name__ == "__main__":
    main()
