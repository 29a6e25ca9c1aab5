import io

import pytest

from nnmass.cli._wrap import wrapped


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")


def test_a_pipe_gets_the_text_as_it_is():
    text = "one two three four five six seven eight"
    assert wrapped(text, io.StringIO()) == text


def test_a_terminal_gets_lines_between_words():
    text = "one two three four five six seven eight\n\nnine"
    lines = wrapped(text, Terminal()).split("\n")
    assert all(len(line) <= 20 for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert lines[-2:] == ["", "nine"]


def test_words_stay_whole():
    spec = "dense-cnn(wm=1,d=21,t=20/40/60)"
    assert spec in wrapped(f"a word and {spec} in the middle", Terminal()).split("\n")
