"""What holds for the notebooks under nbval: they run on the embedded data, and a cell that never ran is a failure."""
import tempfile

import pytest
from nbval.plugin import IPyNbCell

from tools.notebooks.execute import embedded_environment

EMPTY_FOLDER = tempfile.TemporaryDirectory()


def pytest_addoption(parser):
    parser.addoption("--browser", action="store_true", help="also run the tests in a real browser, in tests/browser/")
    parser.addoption("--class", action="store_true", dest="whole_class", help="also simulate a class on a JupyterHub")
    parser.addoption("--alone", action="store_true", help="run every notebook whole, alone, on a pretended Colab")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Start a notebook's kernel where no loader finds local data, a cache or the network."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in embedded_environment(EMPTY_FOLDER.name).items():
            patch.setenv(name, value)
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """nbval marks the cells after a time-out as expected failures; nobody expected them."""
    report = yield
    if isinstance(item, IPyNbCell) and hasattr(report, "wasxfail"):
        del report.wasxfail
        report.outcome = "failed"
        report.longrepr = f"{item.path.name}, {item.name}: not run, because an earlier cell timed out."
    return report
