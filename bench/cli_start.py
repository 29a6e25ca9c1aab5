"""How long `nnmass mass` takes as a whole process, beside a bare interpreter and `import torch`.

python bench/cli_start.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 9
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "nnmass --version": ["-m", "nnmass", "--version"],
    "nnmass mass SPEC": ["-m", "nnmass", "mass", "dense-cnn(wm=2,d=13,t=40/80/125)"],
    "nnmass mass SPEC --json": ["-m", "nnmass", "mass", "resnet(depth=50)", "--json"],
    "nnmass mass --for-mass": "-m nnmass mass --width 8 --depth 16 --for-mass 17".split(),  # noqa: SIM905
    "python -c 'import torch'": ["-c", "import torch"],
}


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS + 1):
        for name, arguments in COMMANDS.items():
            times[name].append(seconds(arguments))
    torch = statistics.median(times["python -c 'import torch'"][1:])
    for name, values in times.items():
        median = statistics.median(values[1:])
        print(f"{name:26s} {median * 1e3:7.0f} ms   1/{torch / median:.1f} of importing torch")


if __name__ == "__main__":
    main()
