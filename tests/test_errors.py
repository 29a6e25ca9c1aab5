from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass import errors
from nnmass.errors import (
    MissingExtraError,
    NNMassError,
    SpecError,
    did_you_mean,
    positive_number,
    whole_number,
)

PARENTS = {
    "SpecError": ValueError,
    "BudgetError": ValueError,
    "DeviceError": RuntimeError,
    "DataError": RuntimeError,
    "StoreError": OSError,
    "CheckpointError": errors.StoreError,
    "MissingExtraError": ImportError,
}


@pytest.mark.parametrize(("name", "parent"), PARENTS.items())
def test_the_family(name, parent):
    cls = getattr(errors, name)
    assert issubclass(cls, NNMassError)
    assert issubclass(cls, parent)
    assert cls.__doc__


def test_missing_extra_says_what_to_install():
    error = MissingExtraError.of("export to ONNX", package="onnx", extra="onnx")
    assert type(error) is MissingExtraError
    assert str(error) == (
        "export to ONNX needs onnx, which is not installed: pip install 'nnmass[onnx]' (in a "
        "checkout with its pins: pip install --constraint constraints.txt '.[onnx]')"
    )


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("vg", " Did you mean 'vgg'?"),
        ("RESNET", " Did you mean 'resnet' or 'resnext'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_did_you_mean(word, hint):
    assert did_you_mean(word, {"resnext": 1, "resnet": 2, "vgg": 3}) == hint
    assert did_you_mean(word, []) == ""


def test_did_you_mean_gives_names_with_their_capitals():
    assert did_you_mean("tinynet", ["TinyNet", "vgg"]) == " Did you mean 'TinyNet'?"


@given(st.integers(-(10**30), 10**30), st.integers(-5, 5))
def test_whole_numbers_pass_from_low_on(value, low):
    if value >= low:
        assert whole_number(value, "n", low=low) == value
    else:
        with pytest.raises(SpecError, match=f"^n must be at least {low}, got {value}$"):
            whole_number(value, "n", low=low)


@pytest.mark.parametrize("value", [np.int8(5), np.uint64(5), np.array(5), np.array(5, np.uint8)])
def test_integers_of_numpy_become_plain(value):
    assert type(whole_number(value, "n", low=0)) is int
    assert whole_number(value, "n", low=0) == 5


REFUSED = [5.0, "5", None, True, np.True_, np.array(True), np.float32(5), 5j, [5]]
REFUSED += [np.array([5, 6]), np.array([5.0]), np.array(5.5)]


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_what_is_no_whole_number(value):
    with pytest.raises(SpecError) as caught:
        whole_number(value, "n", low=0)
    assert str(caught.value) == f"n must be a whole number of at least 0, got {value!r}"


def test_the_reason_is_told():
    with pytest.raises(SpecError, match=r"^n must be at least 3, got 2: because$"):
        whole_number(2, "n", low=3, why="because")


@pytest.mark.parametrize("value", [2, 2.0, np.int8(2), np.float32(2), Fraction(2)], ids=repr)
def test_positive_numbers_become_floats(value):
    assert type(positive_number(value, "x")) is float
    assert positive_number(value, "x") == 2


NOT_POSITIVE = [0, -1, 0.0, math.nan, math.inf, 10**400, True, np.True_, None, "1", 1j, [1]]


@pytest.mark.parametrize("value", NOT_POSITIVE, ids=lambda value: repr(value)[:9])
def test_what_is_no_positive_number(value):
    with pytest.raises(SpecError) as caught:
        positive_number(value, "x")
    assert str(caught.value) == f"x must be a finite number above 0, got {value!r}"
