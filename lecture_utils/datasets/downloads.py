"""Fetches a file once, into the user's cache, or says within seconds why it cannot.

A download has a progress bar, a checksum, and a name of its own until it is whole: a broken file is never
used, an interrupted one starts afresh, and two processes that fetch the same file do each other no harm.
"""

import hashlib
import os
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from ..files import whole
from ..language import say
from .readers import DataError

CONNECT_SECONDS = 2.8  # finding the host and reaching it, together
LARGEST = 3 * 10**9  # bytes; the largest file that the course fetches, STL-10, has 2.64 of these
READ_SECONDS = 10  # silence after which a download counts as stalled
SLOWEST = 2_000  # bytes a second; slower over READ_SECONDS counts as stalled too
MOST_REDIRECTS = 5

_failed = {}  # url, or host that could not be reached -> why, so that a session waits for each only once


def cache_folder():
    """Where downloads are kept: the folder named by COURSE_CACHE, by default the user's own cache."""
    import pooch

    return Path(os.environ.get("COURSE_CACHE") or pooch.os_cache("cnn-visual-explanations"))


def keras_folder(kind):
    """Where Keras itself keeps its downloads: "datasets" or "models"."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / kind


def offline():
    """Whether COURSE_OFFLINE=1 forbids downloads, and with them the cache, so that results are the same anywhere."""
    return os.environ.get("COURSE_OFFLINE", "0") not in ("", "0")


def cached(filename, known_hash=None, folder=None):
    """The path of a file in the cache, or in `folder`, another program's cache.

    None where it is not there, or is not the file that `known_hash` describes, or COURSE_OFFLINE=1.
    """
    path = (folder or cache_folder()) / filename
    if offline():
        return None
    try:
        return path if path.is_file() and has_hash(path, known_hash) else None
    except OSError:  # there, but not to be read
        return None


def download(url, filename, known_hash=None, again=False):
    """The path of `url`'s file in the cache, fetched if it is not there yet.

    known_hash  what the file must be: "sha256:..." or "md5:...". None accepts any whole file: then whoever
                reads it must verify what is in it.
    again       try even if the same download failed earlier in this session.

    Raises `DataError`, with one sentence on what happened, when COURSE_OFFLINE=1, when nothing answers
    (within 3 s), when the server fails, stalls, cuts off, sends something else or more than `LARGEST`, and when
    the cache cannot be written.
    """
    if offline():
        raise DataError(say("COURSE_OFFLINE=1 is set, so {filename} is not downloaded. Unset it to allow downloads.",
                            filename=filename))
    path = cached(filename, known_hash)
    if path:
        return path
    remembered = _failed.get(url) or _failed.get(urlsplit(url).netloc)
    if remembered and not again:
        raise DataError(say("{reason} (Not tried again in this session.)", reason=remembered))
    try:
        with _failures_explained(url, filename):
            path = _fetch(url, cache_folder() / filename, known_hash)
    except DataError as error:
        _failed[url] = str(error)
        raise
    _failed.pop(url, None)
    return path


def has_hash(path, known_hash):
    """Whether a file is the one that `known_hash` describes; None describes any."""
    if known_hash is None:
        return True
    algorithm, _, digest = known_hash.partition(":")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest


def _fetch(url, path, known_hash):
    """Download to a name of its own; only the whole and verified file takes the name `path`, in one step."""
    _sweep(path)
    try:
        with whole(path) as partial:
            _write(url, partial)
            if not has_hash(partial, known_hash):
                raise DataError(say("{host} sent a {filename} with another checksum than the known one. It is not used.",
                                    host=urlsplit(url).netloc, filename=path.name))
    except PermissionError:  # Windows: another process has fetched the same file and is reading it
        if not cached(path.name, known_hash):
            raise
    return path


def _sweep(path):
    """Remove what processes that were killed left behind; a day is longer than any download lasts."""
    for partial in path.parent.glob(f"{path.name}.*.part"):
        with suppress(FileNotFoundError):  # another process has just finished it
            if time.time() - partial.stat().st_mtime > 24 * 3600:
                partial.unlink()


def _write(url, path):
    """Write what `url` serves to `path`. Reads what has arrived so far, so that a trickle is noticed, or a flood."""
    import requests

    with requests.Session() as session, _answer(session, url) as response:
        with open(path, "wb") as file, _progress(url, response) as progress:
            started = time.monotonic()
            while chunk := response.raw.read1(1 << 16):
                progress.update(file.write(chunk))
                if progress.n > LARGEST:
                    raise DataError(say("{host} sends more than {most:,} bytes, more than any file of the course has. Nothing "
                                        "of it is kept.", host=urlsplit(url).netloc, most=LARGEST))
                seconds = time.monotonic() - started
                if seconds > READ_SECONDS and progress.n < SLOWEST * seconds:
                    raise requests.exceptions.ReadTimeout


def _answer(session, url):
    """The server's answer to `url`, after its redirects, each host tried for a bounded time."""
    session.headers["Accept-Encoding"] = "identity"  # the file itself, not packed for the journey
    for _ in range(MOST_REDIRECTS + 1):
        _require_connection(url)
        response = session.get(url, stream=True, allow_redirects=False, timeout=(CONNECT_SECONDS, READ_SECONDS))
        if not response.is_redirect:
            response.raise_for_status()
            return response
        response.close()
        url = urljoin(url, response.headers["location"])
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(say("it redirects to {url!r}", url=url))
    raise DataError(say("{host} redirects in a circle. The address may have moved.", host=urlsplit(url).netloc))


def _require_connection(url):
    """Raise `DataError` unless the url's host, or the proxy on the way to it, answers within CONNECT_SECONDS.

    The attempt runs in a thread of its own, because looking up a name cannot be given a time-out.
    """
    from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    target = urlsplit(prepend_scheme_if_needed(proxy, "http") if proxy else url)
    address = target.hostname, target.port or (443 if target.scheme == "https" else 80)
    outcome = []

    def connect():
        try:
            socket.create_connection(address, timeout=CONNECT_SECONDS / 2).close()
            outcome.append(None)
        except (OSError, ValueError) as error:  # ValueError: a name that can be none
            outcome.append(getattr(error, "strerror", None) or str(error))

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    reason = outcome[0] if outcome else say("no answer within {seconds} s", seconds=CONNECT_SECONDS)
    if reason:
        host = urlsplit(url).netloc
        _failed[host] = (say("No connection to {host} through the proxy ({reason}).", host=host, reason=reason) if proxy else
                         say("No connection to {host} ({reason}).", host=host, reason=reason))
        raise DataError(_failed[host])
    _failed.pop(urlsplit(url).netloc, None)


@contextmanager
def _failures_explained(url, filename):
    """Turn what goes wrong while downloading into a `DataError` of one sentence."""
    from requests import exceptions
    from urllib3.exceptions import HTTPError as BrokenAnswer
    from urllib3.exceptions import ReadTimeoutError

    host = urlsplit(url).netloc
    try:
        yield
    except exceptions.HTTPError as error:
        raise DataError(say("{host} answers {status} {reason} for {filename}.", host=host, status=error.response.status_code,
                            reason=error.response.reason, filename=filename)) from error
    except exceptions.SSLError as error:
        raise DataError(say("The secure connection to {host} failed ({error}). A proxy may be in the way.", host=host,
                            error=error)) from error
    except (exceptions.Timeout, exceptions.ConnectionError, ReadTimeoutError) as error:
        raise DataError(say("{host} stopped answering during the download of {filename}. Nothing of it is kept.", host=host,
                            filename=filename)) from error
    except BrokenAnswer as error:
        raise DataError(say("{host} cut off the download of {filename}. Nothing of it is kept.", host=host,
                            filename=filename)) from error
    except exceptions.RequestException as error:
        raise DataError(say("{filename} cannot be downloaded from {host} ({error}).", filename=filename, host=host,
                            error=error)) from error
    except ValueError as error:  # what cannot be parsed
        raise DataError(say("{host} does not answer as a server should, so {filename} cannot be downloaded ({error}).", host=host,
                            filename=filename, error=error)) from error
    except OSError as error:
        raise DataError(say("{filename} cannot be written to {folder} ({reason}). COURSE_CACHE may name another folder.",
                            filename=filename, folder=cache_folder(), reason=error.strerror or error)) from error


def _progress(url, response):
    from tqdm import tqdm

    length = response.headers.get("content-length", "")
    total = int(length) if length.isdecimal() else None
    name = urlsplit(url).path.rpartition("/")[2]
    return tqdm(total=total, desc=name, unit="B", unit_scale=True, file=sys.stdout, mininterval=0.5, leave=False)
