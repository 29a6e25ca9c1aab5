from __future__ import annotations

import pytest
import torch

from nnmass._device import describe
from nnmass.errors import DeviceError
from nnmass.train import resolve_device
from nnmass.train._device import private_randomness

HAS_CUDA = torch.cuda.is_available()


@pytest.mark.parametrize(
    "name", ["", "CPU", "gpu", "meta", "mps", "cuda:x", "cuda:-1", "cpu,cuda", " cpu", None, 1.5]
)
def test_unknown_devices(name):
    with pytest.raises(DeviceError) as caught:
        resolve_device(name)
    assert str(caught.value) == f"device must be auto, cpu, cuda or cuda:N, got {name!r}"


@pytest.mark.parametrize("name", ["cuda:99", *([] if HAS_CUDA else ["cuda", "cuda:0"])])
def test_devices_that_are_not_there(name):
    with pytest.raises(DeviceError) as caught:
        resolve_device(name)
    assert str(caught.value) == (
        f"device {name!r} is not on this machine ({torch.cuda.device_count()} CUDA devices, torch "
        f"{torch.__version__}); use --device cpu, or install a CUDA build of torch"
    )


def test_the_cpu_is_always_there():
    assert resolve_device("cpu", precision="bfloat16") == torch.device("cpu")
    assert resolve_device("auto").type == ("cuda" if HAS_CUDA else "cpu")


def test_description():
    described = describe(torch.device("cpu"))
    assert described == {
        "torch": torch.__version__,
        "device": "cpu",
        "threads": str(torch.get_num_threads()),
    }


def test_randomness_is_of_the_seed_and_put_back():
    before = torch.get_rng_state()

    def drawn(seed):
        with private_randomness(torch.device("cpu"), seed):
            return torch.rand(5).tolist()

    assert drawn(1) == drawn(1) != drawn(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_randomness_is_put_back_after_an_exception():
    before = torch.get_rng_state()
    with pytest.raises(KeyError), private_randomness(torch.device("cpu"), 1):
        torch.rand(3)
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)


def test_the_cpu_leaves_the_generators_of_cuda_alone(monkeypatch):
    def never(seed):
        raise AssertionError("a CUDA generator was seeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", never)
    monkeypatch.setattr(torch.cuda, "manual_seed", never)
    with private_randomness(torch.device("cpu"), 1):
        torch.rand(1)


@pytest.mark.gpu
def test_cuda_trains_and_leaves_the_flags(t, small):
    before = (torch.are_deterministic_algorithms_enabled(), torch.cuda.get_rng_state().tolist())
    first, again = (t.quick(small, device="cuda") for _ in range(2))
    t.assert_same(first, again)
    after = (torch.are_deterministic_algorithms_enabled(), torch.cuda.get_rng_state().tolist())
    assert after == before
    assert next(first.net.parameters()).is_cuda
