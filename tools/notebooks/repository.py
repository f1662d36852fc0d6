"""The repository's address on GitHub, which stands in pyproject.toml, and what follows from it."""
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def repository_address(root=ROOT):
    """The address in pyproject.toml ([project.urls] Repository); Colab and Binder open it only if it is on GitHub."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project["urls"]["Repository"]
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        sys.exit(f"[project.urls] Repository in pyproject.toml must read https://github.com/<owner>/<name>, not {address}.")
    return address


def file_address(path, address):
    """Where GitHub shows the file at `path`, as the repository names it."""
    return f"{address}/blob/main/{path}"


def site_address(address):
    """Where GitHub Pages publishes the repository's site: the owner's own page, if the repository is named as that."""
    owner, name = address.removeprefix("https://github.com/").split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"
