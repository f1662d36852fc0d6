"""The site as the tests build it: with pages that stand in for the decks and the explorer, which have tests of their own."""
import re

import pytest

from tools import site
from tools.decks import source

EXPLORER = '<!DOCTYPE html><html lang="en"><title>Explorer</title><h1>Explorer</h1></html>'


def stand_in_explorer(folder):
    folder.mkdir()
    (folder / "index.html").write_text(EXPLORER, encoding="utf-8")


def stand_in_decks(folder):
    """For each deck a page with an anchor for each slide that its source names, and a PDF of one of them."""
    for path in sorted(source.SOURCES.glob("*/[0-9][0-9]_*.md")):
        names = re.findall(r"^<!-- slide (\w+),", path.read_text(encoding="utf-8"), re.MULTILINE)
        page = folder / path.parent.name / f"{path.stem}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("".join(f'<section id="{name}"></section>' for name in names), encoding="utf-8")
    (folder / "en" / "07_trust.pdf").write_bytes(b"%PDF-1.4")
    (folder / "index.html").write_text('<a href="en/07_trust.html#ruler">deck 7</a>', encoding="utf-8")


def build(folder):
    """Build the whole site into `folder`; what `tools.site.build` returns: the sentences on what is broken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "build_explorer", stand_in_explorer)
        patch.setattr(site, "write_decks", stand_in_decks)
        return site.build(folder)
