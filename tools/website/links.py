"""Finds what is broken in a folder of pages: links and anchors that lead nowhere, and whatever is loaded from outside."""
import html.parser
import os
import pathlib
import re
import urllib.parse

# Attributes whose address a browser fetches by itself; every other address is a link, which waits to be clicked.
FETCHED = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("source", "srcset"),
           ("img", "srcset"), ("video", "src"), ("audio", "src"), ("object", "data"), ("embed", "src"), ("video", "poster")}


class Page(html.parser.HTMLParser):
    """Of one page: its anchors, its links, what it loads."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loads = {"", "top"}, [], []
        self.feed(text)
        styles = re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL)
        self.loads += re.findall(r"(?:url\(|@import\s)\s*['\"]?([^'\")]+)", "\n".join(styles))

    def has(self, fragment):
        """Whether a link's part behind # leads to a place of this page, as it stands or with its %XX read, as browsers do."""
        return not {fragment, urllib.parse.unquote(fragment)}.isdisjoint(self.anchors)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag, name) == ("a", "name"):
                self.anchors.add(value)
            elif (tag, name) in FETCHED:
                self.loads.append(value or "")
            elif (tag, name) in (("a", "href"), ("area", "href")):
                self.links.append(value or "")


def broken(folder, states=()):
    """What is broken in the pages below `folder`: sentences, none if all is well.

    A link may lead to a file below the folder, on a page to a place of it, or to another site; a page may load nothing from
    another site. The pages in `states`, named as seen from the folder, read the part behind # as their state: it is no place.
    """
    folder = pathlib.Path(folder)
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    free = {folder / name for name in states}
    return [f"{path.relative_to(folder).as_posix()}: {fault}" for path, page in pages.items()
            for fault in faults(path, page, pages, folder, free)]


def faults(path, page, pages, folder, free):
    for address in page.loads:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("", "data") or parts.netloc:
            yield f"loads {address}, from outside"
        elif not parts.scheme and not target(path, parts).is_file():
            yield f"loads {address}, which is not there"
    for address in page.links:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        aim = target(path, parts)
        if folder.resolve() not in aim.resolve().parents:
            yield f"the link {address} leaves the site"
        elif not aim.is_file():
            yield f"the link {address} leads to no file"
        elif aim in pages and aim not in free and not pages[aim].has(parts.fragment):
            yield f"the link {address} leads to no place of its page"


def target(path, parts):
    """The file that a relative address names on the page at `path`."""
    return pathlib.Path(os.path.normpath(path.parent / urllib.parse.unquote(parts.path))) if parts.path else path
