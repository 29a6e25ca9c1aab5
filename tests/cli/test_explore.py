import socket

import pytest


def test_a_port_that_is_taken_is_told(nnmass_cli):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = nnmass_cli("explore", "--no-browser", "--port", port)
    assert done.code == 2
    assert f"cannot listen at 127.0.0.1:{port}" in done.err
    assert "choose another --port" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["dense-cmn(wm=1)"], 2, "unknown family 'dense-cmn'"),
        (["--port", "99999"], 2, "cannot listen at 127.0.0.1:99999"),
        (["--host", "203.0.113.7"], 2, "cannot listen at 203.0.113.7:8765"),
        (["--study", "nowhere"], 3, "no study in nowhere"),
        (["--fit", "nowhere.json"], 3, "nowhere.json"),
    ],
)
def test_mistakes_are_told_before_anything_is_served(nnmass_cli, arguments, code, told):
    done = nnmass_cli("explore", "--no-browser", *arguments)
    assert done.code == code
    assert told in done.err
