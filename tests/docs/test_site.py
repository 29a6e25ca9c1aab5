"""The site builds without a warning, has every public name, and fetches nothing when it is read."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="the documentation site needs nnmass[docs]")
pytest.importorskip("mkdocstrings", reason="the documentation site needs nnmass[docs]")
pytest.importorskip("material", reason="the documentation site needs nnmass[docs]")

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


class Addresses(HTMLParser):
    """(tag, attribute, address) of everything that a page links to or loads; its anchors."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.ids = set()

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src", "srcset", "data", "poster", "action") and value:
                self.found.append((tag, name, value))
            if name == "id" and value:
                self.ids.add(value)


def read(path):
    parser = Addresses()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def test_nothing_is_loaded_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for path in pages:
        for tag, name, value in read(path).found:
            if value.startswith(("http:", "https:", "//")):
                assert (tag, name) == ("a", "href"), f"{path.name}: <{tag} {name}={value}>"
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "@import" not in text, path
        assert "url(http" not in text.replace('"', "").replace("'", ""), path


def test_what_a_page_links_to_is_there(site):
    for path in sorted(site.rglob("*.html")):
        if path.name == "404.html":  # its links are those of the root of a server
            continue
        for _tag, _name, value in read(path).found:
            if ":" in value or value.startswith(("#", "//")):
                continue
            target = (path.parent / value.split("#")[0].split("?")[0]).resolve()
            assert target.exists(), f"{path.name} links to {value}"


ROOMS = [
    *("topology", "specs", "nets", "recognition", "tracing", "probes", "design", "data"),
    *("train", "studies", "slim", "audit", "report", "runs", "errors"),
]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(site, room):
    module = importlib.import_module(f"nnmass.{room}")
    lazy = getattr(module, "__getattr__", None)
    names = set(inspect.getclosurevars(lazy).nonlocals["sources"]) if lazy else set()
    names |= {  # what is there already: classes and functions of the room
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "").startswith(f"nnmass.{room}") and name[0] != "_"
    }
    ids = read(site / "reference" / f"{room}.html").ids
    assert names
    assert [name for name in sorted(names) if f"nnmass.{room}.{name}" not in ids] == []


def test_every_page_is_in_the_menu():
    """What the menu leaves out would be found by search alone."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads mkdocs.yml, whose own tags do not matter here."""

    Loader.add_multi_constructor("", lambda *_: None)
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set()

    def collect(entry):
        if isinstance(entry, str):
            listed.add(entry)
        elif isinstance(entry, dict):
            for value in entry.values():
                collect(value)
        else:
            for one in entry:
                collect(one)

    collect(yaml.load(text, Loader)["nav"])
    docs = ROOT / "docs"
    assert {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} == listed - {
        "files.md"
    }
