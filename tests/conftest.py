"""What holds for all tests: the same examples on every run, and one thread."""

import pytest
import torch
from hypothesis import settings

settings.register_profile("nnmass", deadline=None, derandomize=True, database=None)
settings.load_profile("nnmass")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
