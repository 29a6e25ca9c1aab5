"""What the choice of the predictor's model is worth on families that had no part in the choice.

    python bench/predict_nested.py --tables FOLDER

For each coarse family: of five models, the one with the smallest error on the other families (each
left out in turn, in logarithms, families weighing the same) predicts this one. Ranks are over
torchvision's rows, as in predict.py.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from imagenet_rows import rows_of

from nnmass.studies import spearman
from nnmass.studies._mixture import RECIPE, SIZES, to_log, to_per_cent
from nnmass.studies._smooth_regression import SmoothRegression
from nnmass.studies._trees import grow_trees, predict_trees

MODELS = ("trees", "smooth, trend in size", "smooth, trend in all", "trees + first", "trees + last")
RECIPES = {"plain": -0.5, "strong": 0.5}


def predictions(x, y, asked, names: Sequence[str]):
    """Of each model, a row: logarithms at ``asked``."""
    trend = [place for place, name in enumerate(names) if name in (*SIZES, RECIPE)]
    trees = predict_trees(grow_trees(x, y, seed=0), asked)
    of_size = SmoothRegression.fit(x, y, on_plane=trend).predict(asked)
    of_all = SmoothRegression.fit(x, y).predict(asked)
    return np.array([trees, of_size, of_all, (trees + of_size) / 2, (trees + of_all) / 2])


def nested(x, y, families, names: Sequence[str]):
    """Logarithms of each model without a row's family, of the chosen ones, and the choices."""
    kinds = sorted(set(families))
    without = np.zeros((len(MODELS), len(y)))
    errors = np.zeros((len(MODELS), len(kinds), len(kinds)))  # of the last, the first chosen for
    for i, kind in enumerate(kinds):
        out = families == kind
        without[:, out] = predictions(x[~out], y[~out], x[out], names)
        for j in range(i):
            both = out | (families == kinds[j])
            found = predictions(x[~both], y[~both], x[both], names)
            wrong = np.abs(found - y[both])
            errors[:, i, j] = wrong[:, families[both] == kinds[j]].mean(1)
            errors[:, j, i] = wrong[:, families[both] == kind].mean(1)
    chosen = errors.sum(2).argmin(0)
    places = np.array([kinds.index(one) for one in families])
    return without, without[chosen[places], np.arange(len(y))], [MODELS[one] for one in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=Path, required=True, metavar="FOLDER")
    rows = rows_of(parser.parse_args().tables)
    names = list(rows[0]["features"])
    x = np.array([[row["features"][name] for name in names] for row in rows])
    recipes = np.array([RECIPES[row["recipe"]] for row in rows])
    top1, families = np.array([row["top1"] for row in rows]), np.array([r["coarse"] for r in rows])
    here = np.array([row["source"] == "torchvision" for row in rows])
    skips = here & np.array([row["features"]["has_skips"] > 0 for row in rows])
    print("| model | recipe | Spearman | with skips | mean error, points |")
    print("| --- | --- | ---: | ---: | ---: |")
    for recipe in ("told", "not told"):
        told = np.column_stack([x, recipes]) if recipe == "told" else x
        columns = [*names, RECIPE] if recipe == "told" else names
        without, best, choices = nested(told, to_log(top1), families, columns)
        for name, found in [*zip(MODELS, without, strict=True), ("chosen by the others", best)]:
            ranks = [spearman(found[kept], top1[kept]) for kept in (here, skips)]
            error = np.abs(to_per_cent(found) - top1)[here].mean()
            print(f"| {name} | {recipe} | {ranks[0]:.3f} | {ranks[1]:.3f} | {error:.2f} |")
        print(f"chosen, recipe {recipe}: {dict(Counter(choices))}")


if __name__ == "__main__":
    main()
