from nnmass.cli import _counting
from nnmass.cli._counting import ticking


def test_a_line_every_few_seconds_in_a_pipe(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(_counting, "monotonic", lambda: now[0])
    with ticking(quiet=False) as tick:
        for step in range(1, 13):
            now[0] += 1.0
            tick(f"step {step}", step, 12)
    assert capsys.readouterr().err.splitlines() == ["[6/12] step 6", "[12/12] step 12"]


def test_quiet_means_silent(monkeypatch, capsys):
    monkeypatch.setattr(_counting, "SAID_EVERY_S", -1.0)
    with ticking(quiet=True) as tick:
        tick("step", 1, 2)
    with ticking(quiet=False) as tick:
        tick("step", 1, 2)
    assert capsys.readouterr().err == "[1/2] step\n"


def test_a_bar_on_a_terminal_leaves_out_what_was_done_before(monkeypatch):
    totals, told = [], []

    class Bar:
        def __init__(self, total):
            totals.append(total)

        def __enter__(self):
            return lambda name, outcome: told.append((name, outcome))

        def __exit__(self, *_):
            totals.append("closed")

    monkeypatch.setattr(_counting, "_bar", Bar)
    monkeypatch.setattr(_counting.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "66")
    with ticking(quiet=False) as tick:
        for done in range(8, 11):
            tick(f"a layer of so long a name {done}", done, 10)
    assert totals == [3, "closed"]
    assert told == [("a layer of so long..", "done")] * 3
