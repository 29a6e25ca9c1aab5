"""A latency table for dense CNNs (wm 1, depth 6 to 16, 32 px), against eight whole networks.

    python bench/latency_table.py [--family dense-cnn-dw]
    python bench/latency_table.py "resnet(depth=20)" "resnet(depth=56)"  # measured for these

Timings hang on what else the machine does; compare runs on a quiet one.
"""

import argparse
import time

from nnmass.design import measure_latency_table

DEPTHS_AND_CAPS = (
    (6, "0/0/0"),
    (6, "16/32/64"),
    (8, "20/40/80"),
    (10, "40/80/160"),
    (12, "30/50/90"),
    (13, "100/200/400"),
    (16, "10/20/40"),
    (16, "9999/9999/9999"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", help="of any family, in place of the dense CNNs")
    parser.add_argument("--family", default="dense-cnn", choices=("dense-cnn", "dense-cnn-dw"))
    arguments = parser.parse_args()
    family, ends = arguments.family, arguments.networks
    nets = ends or [f"{family}(wm=1,d={depth},t={caps})" for depth, caps in DEPTHS_AND_CAPS]
    ends = ends or [f"{family}(wm=1,d={depth},t=9999/9999/9999)" for depth in (6, 16)]
    began = time.perf_counter()
    table = measure_latency_table(ends, threads=1)
    print(f"{len(table.times)} layers in {time.perf_counter() - began:.1f} s; {table.setting}")
    table = table.check(nets, max_seconds=1.0)
    for check in table.checks:
        error = check.layers_ms / check.measured_ms - 1
        print(
            f"{check.network:<42} sum {check.layers_ms:6.2f} ms, measured "
            f"{check.measured_ms:6.2f} ms, {100 * error:+.1f} %"
        )
    print(table.error)
    if arguments.networks:
        return
    print(table.corrected().factor, table.corrected().error)
    began = time.perf_counter()
    n = len(table.cell_ms(nets[-1], 2))
    print(f"cell_ms: {n} link caps in {1e3 * (time.perf_counter() - began):.2f} ms")


if __name__ == "__main__":
    main()
