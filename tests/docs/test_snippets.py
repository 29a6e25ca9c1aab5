"""The tutorials run as written, and what they show is what a run prints, but for its figures."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import doc_pages as pages

DOCS = Path(__file__).resolve().parents[2] / "docs"
FAST = ["tutorials/design.md"]
SLOW = [
    "tutorials/start.md",
    "tutorials/verify.md",
    "tutorials/slim.md",
    "tutorials/audit.md",
    "how-to/own-network.md",
    "how-to/own-data.md",
]


@pytest.mark.parametrize(
    "name", [*FAST, *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW)]
)
def test_a_page_runs_as_written(name, tmp_path):
    if name == "how-to/own-data.md":
        pytest.importorskip("PIL")
    page = (DOCS / name).read_text(encoding="utf-8")
    steps = pages.steps_of(page)
    outputs = pages.run_page(page, tmp_path)
    for step, output in zip(steps, outputs, strict=True):
        if step.expected is not None:
            assert pages.words(output) == pages.words(step.expected), step.code


def test_the_readme_s_python_prints_what_it_shows(tmp_path):
    if find_spec("timm") is None:
        pytest.skip("timm is not installed")
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    blocks = [one for one in pages.blocks_of(readme) if one.language in ("python", "text")]
    code, shown = blocks
    page = f"```python\n{code.text}```\n\n```text\n{shown.text}```\n"
    assert pages.run_page(page, tmp_path) == [shown.text]


def test_every_tutorial_is_run():
    found = {f"tutorials/{path.name}" for path in (DOCS / "tutorials").glob("*.md")}
    assert found == {name for name in (*FAST, *SLOW) if name.startswith("tutorials/")}


PAGE = """\
```python
x = 6
print(x)
```

```text
```

```console
$ echo one \\
    two
out
$ nnmass --version > /dev/null; pwd | sed 's|.*/||'
```

```python
print(x * 7)
```

```text
old
```
"""


def test_blocks_run_in_order_and_outputs_are_put_in(tmp_path):
    outputs = pages.run_page(PAGE, tmp_path)
    assert outputs == ["6\n", "one two\n", "work\n", "42\n"]
    written = pages.with_outputs(PAGE, outputs)
    assert "```text\n6\n```" in written
    assert "$ echo one \\\n    two\none two\n$ nnmass --version" in written
    assert "```text\n42\n```" in written
    assert [step.expected for step in pages.steps_of(written)] == outputs


@pytest.mark.parametrize(
    "language, code", [("python", "1 / 0"), ("sh", "false"), ("sh", "cd /no | cat")]
)
def test_what_fails_is_told(language, code, tmp_path):
    with pytest.raises(
        RuntimeError, match="ZeroDivisionError" if language == "python" else "ended with 1"
    ):
        pages.run_page(f"```{language}\n{code}\n```\n", tmp_path)


def test_words_are_what_two_machines_share():
    one = "digits: 97.0 %, 1.05 M params, 2.35x, 1.2 s\n2 of 3"
    other = "digits: 8 %, 12 M params, 0.5x, 800 ms\n3 of 3"
    assert pages.words(one) == pages.words(other) == ["digits", "params", "of"]
    assert pages.words(one) != pages.words(one.replace("params", "parameters"))
