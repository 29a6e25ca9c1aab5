from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from nnmass.errors import StoreError
from nnmass.runs import write_atomic


def files_of(folder):
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


@pytest.mark.parametrize(
    ("content", "stored"),
    [(b"", b""), ("", b""), (b"\x00\xff\r\n", b"\x00\xff\r\n"), ("é\n", b"\xc3\xa9\n")],
)
def test_what_is_written_is_there(tmp_path, content, stored):
    file = tmp_path / "a.bin"
    write_atomic(file, content)
    assert file.read_bytes() == stored
    write_atomic(str(file), b"second")
    assert file.read_bytes() == b"second"
    assert files_of(tmp_path) == ["a.bin"]


def test_parents_are_made(tmp_path):
    write_atomic(tmp_path / "a" / "b" / "c.txt", "x")
    assert files_of(tmp_path) == ["a/b/c.txt"]


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomic("here.txt", "x")
    assert files_of(tmp_path) == ["here.txt"]


def test_the_target_of_a_link_is_written(tmp_path):
    target, link = tmp_path / "elsewhere" / "real.txt", tmp_path / "link.txt"
    write_atomic(target, "old")
    link.symlink_to(target)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert files_of(tmp_path) == ["elsewhere/real.txt", "link.txt"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000, 0o027])
def test_the_mode_follows_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "a", b"x")
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask
    finally:
        now = os.umask(before)
    assert now == mask


def test_the_umask_is_never_touched(tmp_path, monkeypatch):
    def never(mask):
        raise AssertionError("another thread could write under this mask")

    monkeypatch.setattr(os, "umask", never)
    write_atomic(tmp_path / "a", b"x")


@pytest.mark.parametrize("content", [b"", b"x"], ids=["empty", "some"])
@pytest.mark.parametrize("blocker", ["file-as-folder", "folder-as-file", "long-name"])
def test_what_cannot_be_written(tmp_path, content, blocker):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    target, why = {
        "file-as-folder": (tmp_path / "file" / "a.txt", ("File exists", "Not a directory")),
        "folder-as-file": (tmp_path / "folder", ("Is a directory",)),
        "long-name": (tmp_path / ("n" * 300), ("File name too long",)),
    }[blocker]
    with pytest.raises(StoreError) as caught:
        write_atomic(target, content)
    message = str(caught.value)
    assert message.startswith(f"cannot write {target} ({len(content)} bytes): ")
    assert any(reason in message for reason in why)
    assert message.endswith(
        "; what was there before is untouched. Free some space or choose another folder"
    )
    assert isinstance(caught.value.__cause__, OSError)
    assert files_of(tmp_path) == ["file"]
    assert (tmp_path / "folder" / "inner").is_dir()


def test_a_circle_of_links(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    write_atomic(tmp_path / "a", b"x")  # leads nowhere, so the link itself gives way
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="Permission denied"):
            write_atomic(tmp_path / "a", b"x")
    finally:
        tmp_path.chmod(0o755)


FULL_DISK = """
import resource, signal, sys
from nnmass.errors import StoreError
from nnmass.runs import write_atomic
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
write_atomic(sys.argv[1], b"a" * 5000)
for size in (5001, 4_000_000):
    try:
        write_atomic(sys.argv[1], b"b" * size)
    except StoreError as error:
        print(error)
"""


def test_a_full_disk_leaves_the_old_file_whole(tmp_path):
    file = tmp_path / "a.bin"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(file)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        f"cannot write {file} ({size} bytes): File too large; what was there before is untouched. "
        "Free some space or choose another folder"
        for size in ("5,001", "4,000,000")
    ]
    assert file.read_bytes() == b"a" * 5000
    assert files_of(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_broken_off_at_a_step(tmp_path, monkeypatch, step, error):
    file = tmp_path / "a.bin"
    write_atomic(file, b"old")

    def failing(*_):
        raise error

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", failing)
    else:
        monkeypatch.setattr("pathlib.Path.replace", failing)
    with pytest.raises(StoreError if isinstance(error, OSError) else KeyboardInterrupt):
        write_atomic(file, b"new")
    assert file.read_bytes() == b"old"
    assert files_of(tmp_path) == ["a.bin"]


def test_writers_at_once_leave_one_whole_file(tmp_path):
    file = tmp_path / "a.bin"
    contents = [bytes([65 + k]) * 200_000 for k in range(6)]
    write_atomic(file, contents[0])
    seen, faults, is_over = set(), [], threading.Event()

    def write(content):
        try:
            for _ in range(8):
                write_atomic(file, content)
        except Exception as error:
            faults.append(error)

    def look():
        while not is_over.is_set():
            seen.add(file.read_bytes())

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    reader = threading.Thread(target=look)
    reader.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    reader.join()
    assert faults == []
    assert seen <= set(contents)
    assert file.read_bytes() in contents
    assert files_of(tmp_path) == ["a.bin"]
