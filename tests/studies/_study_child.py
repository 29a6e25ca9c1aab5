"""A run of a study in a process of its own, to be killed: FILE OUT ENGINE [ADDRESS]."""

import sys

from nnmass.studies import LocalEngine, RayEngine, run_study

if __name__ == "__main__":
    file, out, name, *address = sys.argv[1:]
    engine = (
        LocalEngine(workers=2, threads=1)
        if name == "local"
        else RayEngine(address[0] if address else None, workers=2)
    )
    run_study(file, out=out, engine=engine)
