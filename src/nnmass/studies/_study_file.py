"""Reading a study from its TOML file; all that is wrong with it is said at once."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nnmass.errors import SpecError, StoreError, did_you_mean
from nnmass.specs import family_class
from nnmass.studies._study import EngineSettings, MeasureSettings, Study
from nnmass.studies._study_grid import expand_specs
from nnmass.studies._study_quick import QUICK_KEYS, with_quick
from nnmass.train import RECIPES, Recipe, recipe_named

Values = dict[str, Any]
Check = Callable[[object], object]

MOST_TRIALS = 1_000_000


def read_study_file(path: str | Path, *, quick: bool = False) -> Study:
    """The study in a TOML file.

    Args:
        path: The file.
        quick: Make the changes of its table ``[quick]``: the same study, small enough for a look.

    Raises:
        SpecError: It is no study; every fault is in the message.
        StoreError: It cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot read the study file {path}: {reason}") from error
    return parse_study(text, where=str(path), quick=quick)


def parse_study(text: str, *, where: str = "the study", quick: bool = False) -> Study:
    """The study that the text of a TOML file describes; as `read_study_file`.

    Args:
        text: Of the file.
        where: What the file is called in messages.
        quick: Make the changes of the table ``[quick]``.

    Raises:
        SpecError: It is no TOML, or no study; every fault is in the message.

    Example:
        >>> text = '''
        ... [study]
        ... name = "first"
        ... data = "digits"
        ... recipe = "adam"
        ... [[networks]]
        ... spec = "dense-mlp(w=8,d={4,6},t={0..4},in=64)"
        ... '''
        >>> study = parse_study(text)
        >>> len(study.specs), study.n_trials, study.recipe.batch_size
        (10, 50, 100)
    """
    try:
        tables: Values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is no TOML file: {error}") from error
    reader = _Reader()
    study = reader.read(tables, quick=quick)
    if reader.faults or study is None:
        n_faults = len(reader.faults)
        head = f"{where}: " if n_faults == 1 else f"{where} has {n_faults} faults:\n  "
        raise SpecError(head + "\n  ".join(reader.faults))
    return dataclasses.replace(study, text=text)


class _Reader:
    """Collects the faults of one file."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def read(self, tables: Values, *, quick: bool) -> Study | None:
        known = ("study", "recipe", "networks", "measure", "quick", "engine")
        self._known_keys(tables, known, "")
        for name in ("study", "recipe", "measure", "quick", "engine"):
            if not isinstance(tables.get(name, {}), dict):
                self.faults.append(f"{name} must be a table: write [{name}] on a line of its own")
                return None
        self._known_keys(tables.get("quick", {}), QUICK_KEYS, "quick")
        if quick:
            try:
                tables = with_quick(tables)
            except SpecError as error:
                self.faults.append(str(error))
        head = self._fields(tables.get("study", {}), _STUDY, "study")
        for key in ("name", "data"):
            if key not in tables.get("study", {}):
                self.faults.append(f"[study] {key} is missing: {_STUDY[key][1]}")
        seeds = head.pop("seeds", (0, 1, 2, 3, 4))
        recipe = self._recipe(head.pop("recipe", "sgd"), tables.get("recipe", {}))
        specs = self._specs(tables.get("networks"), tables.get("_only"))
        measure = self._fields(tables.get("measure", {}), _MEASURE, "measure")
        engine = self._fields(tables.get("engine", {}), _ENGINE, "engine")
        if not self.faults and len(specs) * len(seeds) * len(head["data"]) > MOST_TRIALS:
            self.faults.append(
                f"{len(specs):,} networks x {len(seeds)} seeds are more than {MOST_TRIALS:,} "
                "trials: choose smaller ranges"
            )
        if self.faults or recipe is None:
            return None
        return Study(
            **head,
            specs=specs,
            seeds=seeds,
            recipe=recipe,
            measure=MeasureSettings(**measure),
            engine=EngineSettings(**engine),
            is_quick=quick,
        )

    def _known_keys(self, table: Mapping[str, object], known: object, name: str) -> None:
        names = [str(key) for key in known]  # type: ignore[attr-defined]
        for key in table:
            if key not in names and not key.startswith("_"):
                where = f"[{name}] has an" if name else "there is an"
                hint = did_you_mean(key, names)
                self.faults.append(f"{where} unknown key {key!r}.{hint} Known: {', '.join(names)}")

    def _fields(self, table: Values, rules: Mapping[str, tuple[Check, str]], name: str) -> Values:
        self._known_keys(table, rules, name)
        values: Values = {}
        for key, (check, allowed) in rules.items():
            if key not in table:
                continue
            try:
                values[key] = check(table[key])
            except (ValueError, TypeError):
                self.faults.append(f"[{name}] {key} must be {allowed}, got {table[key]!r}")
        return values

    def _recipe(self, base: str, changes: Values) -> Recipe | None:
        fields = [field.name for field in dataclasses.fields(Recipe)]
        self._known_keys(changes, fields, "recipe")
        values = {key: value for key, value in changes.items() if key in fields}
        for key in ("lr", "momentum", "weight_decay", "warmup_epochs", "label_smoothing"):
            if type(values.get(key)) is int:  # 0 and 0.0 are one recipe, with one name
                values[key] = float(values[key])
        try:
            return dataclasses.replace(recipe_named(base), **values)
        except SpecError as error:
            message = str(error).replace("; single fields are changed with --set key=value", "")
            self.faults.append(message)
            return None

    def _specs(self, networks: object, only: Values | None) -> tuple[str, ...]:
        if not isinstance(networks, list) or not networks:
            self.faults.append(
                "there are no networks: write [[networks]] and below it "
                'spec = "dense-mlp(w=8,d={16,20},t={0..12})"'
            )
            return ()
        found: dict[str, None] = {}
        for index, table in enumerate(networks, start=1):
            where = f"[[networks]] {index}"
            if not isinstance(table, dict):
                self.faults.append(f"{where} must be a table, got {table!r}")
                continue
            try:
                found |= dict.fromkeys(self._specs_of(table, where, only or {}))
            except SpecError as error:
                self.faults.append(f"{where}: {error}")
        return tuple(found)

    def _specs_of(self, table: Values, where: str, only: Values) -> list[str]:
        self._known_keys(table, ("spec", "specs", "grid"), where.strip("[]"))
        if ("spec" in table) == ("specs" in table):
            raise SpecError("give spec (one spec string, with ranges) or specs (a list of them)")
        specs = table.get("specs", [table.get("spec")])
        grid = table.get("grid", {})
        if not isinstance(grid, dict):
            raise SpecError(f"grid must be a table such as grid.d = [16, 20], got {grid!r}")
        if not isinstance(specs, list) or not specs:
            raise SpecError(f"specs must be a list of spec strings, got {specs!r}")
        return [
            one for spec in specs for one in expand_specs(spec, {**grid, **_of_family(spec, only)})
        ]


def _of_family(spec: object, only: Values) -> Values:
    """What the quick grid says of the keys that the family has."""
    family = str(spec).partition("(")[0].strip()
    keys = {field.key for field in family_class(family).keyed_fields()} if only else set()
    return {key: values for key, values in only.items() if key in keys}


def _name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _names(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or len(set(values)) < len(values):
        raise ValueError
    return tuple(_text(name) for name in values)


def _seeds(value: object) -> tuple[int, ...]:
    if isinstance(value, list):
        seeds = tuple(_whole(seed, low=0) for seed in value)
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError
        return seeds
    return tuple(range(_whole(value, low=1)))


def _whole(value: object, *, low: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _engine(value: object) -> str:
    if value not in ("local", "ray"):
        raise ValueError
    return str(value)


_COUNT = "a whole number of at least 1"
_STUDY: Mapping[str, tuple[Check, str]] = {
    "name": (_name, "letters, digits, '-', '_' and '.', the name of the study's folder"),
    "title": (_text, "text"),
    "data": (_names, "the name of a data set (see `nnmass datasets ls`), or a list of names"),
    "seeds": (_seeds, "how many seeds, at least 1, or a list of them, none twice"),
    "recipe": (_text, f"the name of a recipe ({', '.join(RECIPES)}); its fields go to [recipe]"),
    "train_images": (_whole, _COUNT),
    "test_images": (_whole, _COUNT),
}
_MEASURE: Mapping[str, tuple[Check, str]] = {
    "ldi": (_flag, "true or false"),
    "ldi_images": (_whole, _COUNT),
}
_ENGINE: Mapping[str, tuple[Check, str]] = {
    "name": (_engine, "'local' or 'ray'"),
    "workers": (_whole, _COUNT),
    "threads": (_whole, _COUNT),
    "device": (_text, "auto, cpu, cuda or cuda:N"),
    "address": (_text, "the address of a Ray cluster, such as '10.0.0.1:6379'"),
}
