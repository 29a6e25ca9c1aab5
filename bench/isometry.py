"""Figures of docs/gradient-propagation.md from the tables of `nnmass probe`.

    python bench/isometry.py results/isometry.csv results/isometry_legacy.csv

For each table: how much of the mean singular value, and of the deviation, lines in mass, ln mass,
params and MACs explain, Spearman's rho, the line in mass, and what networks of one link cap and
different depth differ by.
"""

import argparse
import csv
import math
from itertools import groupby
from pathlib import Path

import nnmass
from nnmass.studies import line_fit, spearman


def read(path):
    with Path(path).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update({key: float(row[key]) for key in ("mass", "params", "macs")})
        row["mean"] = float(row["mean_singular_value"])
        row["std"] = float(row["singular_value_std"])
        row["cap"] = nnmass.parse(row["name"]).link_cap
    return rows


def fits(rows):
    print(f"{len(rows)} networks, mean {min(r['mean'] for r in rows):.3f} to "
          f"{max(r['mean'] for r in rows):.3f}")  # fmt: skip
    for what in ("mass", "ln mass", "params", "macs"):
        key = what.removeprefix("ln ")
        used = [r for r in rows if r["mass"] > 0] if what == "ln mass" else rows
        x = [math.log(r[key]) if what == "ln mass" else r[key] for r in used]
        mean, std = ([r[y] for r in used] for y in ("mean", "std"))
        print(f"  {what:8} R2 {line_fit(x, mean).r_squared:.3f}  of the deviation "
              f"{line_fit(x, std).r_squared:.3f}  Spearman {spearman(x, mean):.3f}")  # fmt: skip
    line = line_fit([r["mass"] for r in rows], [r["mean"] for r in rows])
    print(f"  mean = {line.intercept:.4f} + {line.slope:.5f} mass")


def equal_mass(rows):
    for cap, group in groupby(sorted(rows, key=lambda r: r["cap"]), key=lambda r: r["cap"]):
        means = [r["mean"] for r in group]
        spread = 100 * (max(means) - min(means)) * len(means) / sum(means)
        print(f"  t {cap:2}: {' '.join(f'{mean:.4f}' for mean in means)}  spread {spread:.2f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("tables", nargs="*", default=["results/isometry.csv"])
    for table in parser.parse_args().tables:
        rows = read(table)
        print(table)
        fits(rows)
        equal_mass(rows)


if __name__ == "__main__":
    main()
