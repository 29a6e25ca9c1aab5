"""The small version of a study, as its own table ``[quick]`` says."""

from __future__ import annotations

from typing import Any

from nnmass.errors import SpecError

QUICK_KEYS = ("seeds", "train_images", "test_images", "recipe", "grid", "data", "networks")

_OF_STUDY = ("seeds", "train_images", "test_images", "data")


def with_quick(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables of a study with those of ``[quick]`` in their places.

    ``seeds``, ``data`` and the numbers of images replace those of ``[study]``, ``recipe.KEY``
    those of ``[recipe]``, ``grid.KEY`` all values of that key in every network that has it, and
    ``networks`` all networks.

    Raises:
        SpecError: There is no such table, or one of its values is no table.
    """
    quick = tables.get("quick")
    if not quick:
        raise SpecError(
            "there is no [quick] table: write one, such as [quick] with seeds = 1 and "
            "recipe.epochs = 1 below it, or leave --quick out"
        )
    for key in ("recipe", "grid"):
        if not isinstance(quick.get(key, {}), dict):
            raise SpecError(f"[quick] {key} must be a table: write {key}.KEY = VALUE")
    changed = {
        **tables,
        "study": {**tables.get("study", {}), **{k: quick[k] for k in _OF_STUDY if k in quick}},
        "recipe": {**tables.get("recipe", {}), **quick.get("recipe", {})},
    }
    if "networks" in quick:
        changed["networks"] = quick["networks"]
    if "grid" in quick:
        changed["_only"] = quick["grid"]
    return changed
