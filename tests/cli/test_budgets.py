from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnmass.cli._budgets import read_budget, read_depths, read_mass
from nnmass.errors import SpecError

GOOD = [
    ("--max-params", "4M", 4e6),
    ("--max-params", "4.2Mparams", 4.2e6),
    ("--max-params", "4.2 M params", 4.2e6),
    ("--max-params", "512", 512),
    ("--max-params", "7,821,784", 7821784),
    ("--max-params", "862.1 k", 862100),  # as the table has it
    ("--max-params", "1e6", 1e6),
    ("--max-params", ".5G", 5e8),
    ("--max-params", "4.304504M", 4304504),
    ("--max-params", "none", float("inf")),
    ("--max-macs", "600MMAC", 6e8),
    ("--max-macs", "600MMACs", 6e8),
    ("--max-macs", "1.2 G MACs", 1.2e9),
    ("--max-macs", "2T", 2e12),
    ("--max-macs", "None", float("inf")),
    ("--max-latency", "12ms", 12),
    ("--max-latency", "12 ms", 12),
    ("--max-latency", "800us", 0.8),
    ("--max-latency", "800µs", 0.8),
    ("--max-latency", "0.5s", 500),
    ("--max-latency", "none", None),
    ("--max-memory", "30MiB", 30 * 2**20),
    ("--max-memory", "30MB", 30e6),
    ("--max-memory", "1.5 GiB", 1.5 * 2**30),
    ("--max-memory", "880KiB", 880 * 2**10),
    ("--max-memory", "64kB", 64e3),
    ("--max-memory", "4096B", 4096),
    ("--max-memory", None, None),
]


@pytest.mark.parametrize(("option", "text", "value"), GOOD)
def test_what_is_read(option, text, value):
    assert read_budget(text, option) == value


BAD = [
    ("--max-params", "4ms", "ms is a unit of --max-latency"),
    ("--max-params", "30MiB", "MiB is a unit of --max-memory"),
    ("--max-params", "4MM", "the unit 'MM' is not known, it may be params, k, kparams, M"),
    ("--max-params", "-5M", "a budget is above 0"),
    ("--max-params", "0", "'0', which is not above 0"),
    ("--max-params", "1e400", "'1e400', which is too large"),
    ("--max-params", "9e307G", "too large"),
    ("--max-params", "1e-400", "not above 0"),
    ("--max-params", "nan", "write digits first; 'none' stands for no limit"),
    ("--max-params", "inf", "write digits first"),
    ("--max-params", "", "nothing stands there"),
    ("--max-params", "  ", "nothing stands there"),
    ("--max-params", "M", "write digits first"),
    ("--max-params", ".M", "write digits first"),
    ("--max-params", "4m", "write 4M, since capitals count"),
    ("--max-params", "4M 5M", "the unit 'M 5M' is not known"),
    ("--max-params", "1,23M", "the unit ',23M' is not known"),
    ("--max-params", "0x10", "the unit 'x10' is not known"),
    ("--max-macs", "1.2GFLOPs", "so ask for --max-macs 0.6G"),
    ("--max-macs", "600 MFLOP", "so ask for --max-macs 300M"),
    ("--max-macs", "600flops", "so ask for --max-macs 300;"),
    ("--max-macs", "600mmac", "write 600MMAC, since capitals count"),
    ("--max-macs", "4Mparams", "Mparams is a unit of --max-params"),
    ("--max-latency", "12", "a unit is missing, write one of 12us, 12ms, 12s"),
    ("--max-latency", "12m", "the unit 'm' is not known, it may be us, ms, s"),
    ("--max-latency", "12MB", "MB is a unit of --max-memory"),
    ("--max-latency", "0ms", "not above 0"),
    ("--max-memory", "30M", "write 30MB (decimal) or 30MiB"),
    ("--max-memory", "64K", "write 64kB (decimal) or 64KiB"),
    ("--max-memory", "30", "a unit is missing"),
    ("--max-memory", "30mib", "write 30MiB, since capitals count"),
    ("--max-memory", "30Mb", "write 30MB, since capitals count"),
]


@pytest.mark.parametrize(("option", "text", "words"), BAD)
def test_what_is_refused(option, text, words):
    with pytest.raises(SpecError) as caught:
        read_budget(text, option)
    message = str(caught.value)
    assert message.startswith(f"{option} ")
    assert repr(text) in message
    assert words in message
    assert "such as" in message or "FLOPs = 2 x MACs" in message


@given(st.integers(1, 10**15), st.sampled_from(["k", "M", "G", "T"]))
def test_a_count_is_no_fraction_too_small(count, prefix):
    """Written with any prefix, a whole number stays that number."""
    places = {"k": 3, "M": 6, "G": 9, "T": 12}[prefix]
    digits = str(count).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}{prefix}"
    assert Fraction(read_budget(text, "--max-params")) == count


def test_masses():
    assert read_mass(None) is None
    assert read_mass("250") == 250.0
    assert read_mass("250:300.5") == (250.0, 300.5)
    for text in ("", "a", "1:2:3", "1:", ":2", "1-2"):
        with pytest.raises(SpecError, match=r"LEAST:MOST, such as 250 or 250:300, got "):
            read_mass(text)


def test_depths():
    assert read_depths(None) is None
    assert read_depths("8:16") == (8, 16)
    assert read_depths("8") == (8, 8)
    for text in ("", "8-16", "8:16:2", "8.5:9", "a:b"):
        with pytest.raises(SpecError, match="--depth must be LOW:HIGH"):
            read_depths(text)
