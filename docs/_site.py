r"""What the site needs beyond its Markdown: public names, and the files that the pages link to.

A hook of mkdocs (see mkdocs.yml). It does three things:

- Pages link to tables and study files beside the docs (``../results/x.csv``), as GitHub shows them.
  These files are copied into the site, a page ``files.md`` lists them, and the links are led there;
  one that leads to nothing stops the build.
- A line ``<!-- names of nnmass.room -->`` becomes the documentation of all public names of the
  room, read from its ``__init__.py``, so that no list has to be kept.
- ``\|`` inside code in a table, which GitHub needs, becomes ``|``.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"results": "*.csv", "studies": "*.toml", "examples": "*.py"}
LISTING = "files.md"

_LINK = re.compile(r"(?<=\]\()(\.\./[^)#\s]+)(#[^)\s]*)?(?=\))")
_NAMES = re.compile(r"^<!-- names of (nnmass[.\w]*) -->$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")


def on_files(files: Files, config: Any) -> Files:
    """Add the tables and study files, and the page that lists them."""
    lines = [
        "# Tables and study files",
        "",
        "What the pages link to, as it lies in the repository.",
    ]
    for folder, pattern in FOLDERS.items():
        lines += ["", f"## {folder}", ""]
        for path in sorted((ROOT / folder).glob(pattern)):
            name = f"{folder}/{path.name}"
            files.append(File.generated(config, name, abs_src_path=str(path)))
            lines.append(f"- [{path.name}]({name})")
    files.append(File.generated(config, LISTING, content="\n".join(lines) + "\n"))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Write the public names, lead links out of the docs to the copies, mend table cells."""
    here = page.file.src_uri
    markdown = _NAMES.sub(lambda found: documented(found[1]), markdown)
    markdown = _LINK.sub(lambda found: led(found[1], found[2] or "", here, files), markdown)
    return "\n".join(
        _CODE.sub(lambda code: code[0].replace(r"\|", "|"), line) if line.startswith("|") else line
        for line in markdown.split("\n")
    )


def led(link: str, anchor: str, here: str, files: Files) -> str:
    """``link`` of the page ``here``; where it leaves the docs, the address of the copy.

    Raises:
        PluginError: It leaves the docs for something that is not copied.
    """
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(here), link))
    if target.startswith("docs/"):
        return link + anchor
    if target == "README.md":
        found = f"index.md{anchor}"
    elif target in FOLDERS:
        found = f"{LISTING}#{target}"
    elif files.get_file_from_path(target) is not None:
        found = target
    else:
        raise PluginError(f"{here} links to {link}: docs/_site.py copies no such file")
    return posixpath.relpath(found, posixpath.dirname(here) or ".")


def documented(package: str) -> str:
    """The lines that make mkdocstrings document every public name of ``package``."""
    return "\n\n".join(f"::: {package}.{name}" for name in public_names(package))


def public_names(package: str) -> list[str]:
    """What a room offers: classes and functions by the alphabet, constants last.

    Names that an ``__init__.py`` imports under their own name (``from .. import a as a``) are its
    public names, those that load on first use (``if TYPE_CHECKING:``) included; in a single file
    they are the classes and functions without an underscore.
    """
    place = ROOT / "src" / Path(*package.split("."))
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    if place.is_dir():
        found = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.asname == alias.name
        }
    else:
        kinds = (ast.ClassDef, ast.FunctionDef)
        found = {node.name for node in tree.body if isinstance(node, kinds)}
    return sorted(
        (name for name in found if not name.startswith("_")),
        key=lambda name: (name.isupper() and len(name) > 1, name.lower()),
    )
