"""A worker process of the local engine: jobs in on stdin, results out on stdout, as JSON lines.

It dies with the process that started it, whatever ends that one: its stdin ends then.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import TextIO


def main() -> None:
    """Work until stdin ends."""
    # What libraries print must not come between the results.
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()

    import torch

    from nnmass.studies._job import Job
    from nnmass.studies._run_job import run_job

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    while True:
        message = json.loads(lines.get())
        job = Job.from_dict(message["job"])
        for result in run_job(job, data_dir=message["data_dir"], device=message["device"]):
            _send(results, {"trial": result.trial.id, "outcome": result.outcome()})
        _send(results, {"ended": True})


def _read(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)  # in the middle of a training as well: nobody waits for it


def _send(stream: TextIO, message: dict[str, object]) -> None:
    try:
        stream.write(json.dumps(message) + "\n")
        stream.flush()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
