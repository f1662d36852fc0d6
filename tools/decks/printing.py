"""Prints pages into PDFs by one running Chromium: it starts once for all of them, which is what takes long.

Chromium is spoken to by its DevTools protocol, over tornado's WebSocket. A PDF has bookmarks, from the headings.
"""
import asyncio
import base64
import collections
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from tornado.websocket import websocket_connect

# Chrome first: Ubuntu gives a sandbox only to programs that it knows, and on GitHub's machines Chromium is none of them.
BROWSERS = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome", "msedge",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
            r"C:\Program Files\Google\Chrome\Application\chrome.exe",
            r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe")
PATIENCE = 120  # seconds for one page
LARGEST = 512 * 2**20  # bytes of a message: a PDF comes in one


def find_browser():
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def print_pdfs(browser, jobs):
    """Print each (address of a page, path of the PDF) of `jobs`; RuntimeError says what could not be printed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, "--headless", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # as root, in a container, Chromium runs in no other way
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
            with ThreadPoolExecutor(2) as threads:
                try:
                    address = door(running)
                    threads.submit(collections.deque, running.stderr, 0)  # read on: into a full pipe it would wait to write
                    threads.submit(asyncio.run, print_all(address, jobs)).result()  # here the caller may have a loop of events
                finally:
                    running.terminate()


def door(running):
    """The address of the started Chromium's protocol, which it writes before it listens."""
    said = []
    for line in running.stderr:
        said.append(line)
        if found := re.search(r"DevTools listening on (ws://\S+)", line):
            return found[1]
    raise RuntimeError("The browser did not start, so no PDF could be printed:\n" + "".join(said)[-600:])


async def print_all(address, jobs):
    socket, numbers = await websocket_connect(address, max_message_size=LARGEST), itertools.count(1)

    async def answer(what, session=None, event=None, **parameters):
        """Send a command; its answer, once the `event`, if one is named, has been heard as well."""
        number = next(numbers)
        to = {"sessionId": session} if session else {}
        await socket.write_message(json.dumps({"id": number, "method": what, "params": parameters} | to))
        result, waiting = None, {number, event} - {None}
        while waiting:
            try:
                message = json.loads(await asyncio.wait_for(socket.read_message(), PATIENCE) or '{"error": "it has ended"}')
            except TimeoutError:
                message = {"error": f"no answer to {what} within {PATIENCE} seconds"}
            if "error" in message:
                raise RuntimeError(f"The browser could not print: {message['error']}")
            result = message.get("result", result)
            waiting -= {message.get("id"), message.get("method")}
        return result

    target = (await answer("Target.createTarget", url="about:blank"))["targetId"]
    session = (await answer("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
    await answer("Page.enable", session)
    for page, pdf in jobs:
        await answer("Page.navigate", session, event="Page.loadEventFired", url=page)
        printed = await answer("Page.printToPDF", session, printBackground=True, preferCSSPageSize=True,
                               generateTaggedPDF=True, generateDocumentOutline=True)
        pathlib.Path(pdf).write_bytes(base64.b64decode(printed["data"]))
