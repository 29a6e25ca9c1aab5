"""The oracle and the random networks, for all tests of tracing."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch


def _sibling(name):
    """A file beside this one that holds no tests."""
    full = f"nnmass_tests_tracing{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def oracle():
    """The module of the brute force."""
    return _sibling("_oracle")


@pytest.fixture(scope="session")
def random_network(oracle):
    """``random_network(seed, n_blocks)``: a module, its program, its graph, and what it must be."""
    program = _sibling("_program")

    def make(seed, n_blocks):
        graph = oracle.Graph()
        draft = program.write(random.Random(seed), graph, oracle.Node, n_blocks)
        with torch.random.fork_rng():
            torch.manual_seed(seed % 2**31)
            net = program.ProgramNet(draft)
        return SimpleNamespace(net=net, draft=draft, graph=graph, want=oracle.solve(graph))

    return make
