"""Every public name says what it takes, gives and raises, in one style."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from docstring_checks import all_offences, offences, public_names
from nnmass.errors import SpecError, whole_number


def fail_with_all(names):
    """One failure that tells of all offenders."""
    lines = all_offences(names)
    if lines:
        pytest.fail(f"{len(lines)} offences:\n" + "\n".join(lines), pytrace=False)


def test_every_public_name_has_its_docstring():
    names = public_names()
    assert len(names) > 300
    fail_with_all(names)


def silent(x): ...


def good(x, *more, y=1, **names):
    """Does a thing.

    Args:
        x: One.
        more, y: Two
            on lines of their own, where

            is: no entry.

    Raises:
        SpecError: It cannot.
        ValueError: Nor can this.
    """
    if x:
        raise SpecError(f"no {x}")


def half_told(x, y):
    """Does a thing.

    Args:
        x: One.
        z: Three.
    """


def untold(x, y):
    """Does a thing."""


def of_one(x):
    """Does a thing to ``x``."""


def quiet(x):
    """Does a thing.

    Raises:
        SpekError: It cannot.
    """
    raise nested(x).of("this")


def nested(x):
    """Does a thing, and what is inside it another."""

    def inner():
        raise SpecError("this is not raised here")

    return inner


def checks(x):
    """Does a thing."""
    if not x:
        raise SpecError.of(x)
    return whole_number(x, "x", low=0)


def foreign(x):
    """Does a thing
    to x.

    :param x: One.

    Parameters:
        x: One.

    Returns:
    """


@dataclass
class Bare:
    x: int


@dataclass
class Told:
    """A thing.

    Attributes:
        x: One.
        double: Twice that.
    """

    x: int
    _hidden: int = 0

    @property
    def double(self):
        """Twice."""
        return 2 * self.x

    def lifted(self, by, times):
        """Up."""
        raise SpecError(f"{by} {times}")


@dataclass
class Above(Told):
    """A thing more.

    Attributes:
        z: Nothing.
    """

    y: int = 0

    def __post_init__(self):
        whole_number(self.y, "y", low=0)

    def lifted(self, by, times):
        """Higher.

        Args:
            by: So much.
            times: So often.
        """


class Made:
    """A thing."""

    def __init__(self, x, y):
        self.x = x


LIFTED = ["lifted: Args: lacks by, times", "lifted: Raises: lacks SpecError"]
CASES = {
    silent: ["no docstring"],
    good: [],
    half_told: ["Args: lacks y", "describes 'z', and has none"],
    untold: ["Args: lacks x, y"],
    of_one: [],
    quiet: ["Raises: names 'SpekError', which is no error"],
    nested: [],
    checks: ["Raises: lacks SpecError"],
    foreign: [
        "no blank line after the first line 'Does a thing'",
        "the first line does not end a sentence: 'Does a thing'",
        "unknown section 'Parameters'",
        "Returns: has nothing below it",
        "a section of another style",
    ],
    Bare: ["no docstring"],
    Told: LIFTED,
    Above: ["Args: lacks y", "describes 'z', and has none", "Raises: lacks SpecError"],
    Made: ["Args: lacks x, y"],
}


@pytest.mark.parametrize(("value", "wrong"), CASES.items(), ids=[value.__name__ for value in CASES])
def test_the_check_sees_what_is_wrong(value, wrong):
    assert offences(value) == wrong


def test_the_failure_has_all_offenders():
    names = {"a": silent, "b": untold, "again": untold, "fine": good, "RULES": (1, 2)}
    with pytest.raises(pytest.fail.Exception) as caught:
        fail_with_all(names)
    assert str(caught.value) == "2 offences:\na: no docstring\nb: Args: lacks x, y"


def test_names_are_those_of_every_room():
    rooms = {name.split(".")[1] for name in public_names()}
    assert rooms >= {"topology", "specs", "runs", "nets", "tracing", "recognition", "data"}
    assert rooms >= {"probes", "design", "train", "slim", "audit", "studies", "report", "errors"}
    assert rooms >= {"Cell", "parse", "trace"}
    assert {"nnmass.report.report_of", "nnmass.report.Chart"} <= public_names().keys()
