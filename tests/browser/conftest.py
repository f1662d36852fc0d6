"""What the tests in a real browser share: Chromium driven by Playwright, and where their screenshots go.

They run with `python3 course.py test --browser`, where Chromium or Chrome is installed.
"""
import pathlib
import shutil

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
PICTURES = FOLDER.parents[1] / "build" / "screenshots"
PATIENCE = 120_000      # milliseconds; only what never happens is waited for so long, also on a busy machine


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.path.parent == FOLDER:
            item.add_marker("browser")
            if not config.getoption("--browser"):
                item.add_marker(pytest.mark.skip(reason="runs in a real browser: python3 course.py test --browser"))


@pytest.fixture(scope="module")   # for as long as it is open, Playwright's loop runs in this thread: other files need none
def chromium():
    """A running Chromium without a window; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("needs Chromium or Chrome on the PATH")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])  # only pages of the course
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def new_context(chromium):
    """new_context(**settings) gives a browser context that waits for what is to come as long as it takes."""
    def new(**settings):
        context = chromium.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        return context
    return new


@pytest.fixture(scope="session")
def pictures():
    """The folder for screenshots."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES


@pytest.fixture(scope="session")
def explorer_folder(tmp_path_factory):
    """The explorer, built once for all tests that open it."""
    from tools.explorer.build import build  # not before somebody asks: it loads TensorFlow

    folder = tmp_path_factory.mktemp("explorer")
    build(folder)
    return folder
