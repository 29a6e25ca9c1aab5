"""Fetching from a server of this machine's own, which can be slow of mind or cut things off."""

import dataclasses
import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nnmass.data import DataFile, Origin, check_dataset, fetch_dataset, load_dataset
from nnmass.errors import DataError, SpecError, StoreError


class Server:
    """Serves bytes by name; knows ranges unless told not to; can close in the middle."""

    def __init__(self):
        self.contents, self.asked = {}, []
        self.knows_ranges, self.cut_after = True, None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/sets"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def answer(self, handler):
        name = handler.path.removeprefix("/sets/")
        wanted = handler.headers.get("Range")
        self.asked.append((name, wanted))
        if name not in self.contents:
            handler.send_error(404)
            return
        content, start = self.contents[name], 0
        if wanted and self.knows_ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                handler.send_error(416)
                return
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        stop = self.cut_after if self.cut_after is not None else len(content)
        handler.wfile.write(content[start:stop])

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    server = Server()
    yield server
    server.close()


@pytest.fixture
def mnist(tmp_path, formats, register, server):
    """A tiny MNIST on the server; its info."""
    server.contents = formats.idx_contents()
    info = formats.seal_idx(tmp_path / "made", server.contents)
    return register(
        dataclasses.replace(info, folders=("mnist",), origin=Origin(url=server.url, folder="mnist"))
    )


def test_all_files_arrive_and_are_read(tmp_path, mnist, server):
    steps = []
    folder = fetch_dataset("mnist", tmp_path / "data", watch=steps.append)
    assert folder == tmp_path / "data" / "mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(server.contents)
    assert len(load_dataset("mnist", data_dir=tmp_path / "data").train_images) == 7
    last = {step.file: (step.done_bytes, step.total_bytes) for step in steps}
    assert last == {name: (len(c), len(c)) for name, c in server.contents.items()}


def test_what_is_there_is_not_fetched_again(tmp_path, mnist, server):
    folder = fetch_dataset("mnist", tmp_path)
    server.asked.clear()
    fetch_dataset("mnist", tmp_path)
    assert server.asked == []
    (folder / "test-labels").write_bytes(bytes(len(server.contents["test-labels"])))
    fetch_dataset("mnist", tmp_path)
    assert server.asked == [("test-labels", None)]
    assert check_dataset("mnist", data_dir=tmp_path).is_good


def test_a_fetch_that_was_cut_off_goes_on(tmp_path, mnist, server):
    server.cut_after = 30
    with pytest.raises(DataError, match=r"cannot fetch http.*train-images.*the same command"):
        fetch_dataset("mnist", tmp_path)
    part = tmp_path / "mnist" / "train-images.part"
    assert part.read_bytes() == server.contents["train-images"][:30]
    server.cut_after = None
    fetch_dataset("mnist", tmp_path)
    assert ("train-images", "bytes=30-") in server.asked
    assert check_dataset("mnist", data_dir=tmp_path).is_good
    assert not part.exists()


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("rest", [b"another file", b"x" * 10_000])
def test_a_rest_of_another_file_is_thrown_away(tmp_path, mnist, server, knows_ranges, rest):
    server.knows_ranges = knows_ranges
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images.part").write_bytes(rest)
    fetch_dataset("mnist", tmp_path)
    assert check_dataset("mnist", data_dir=tmp_path).is_good


def test_wrong_content_is_not_kept(tmp_path, mnist, server):
    good = server.contents["train-labels"]
    server.contents = {**server.contents, "train-labels": bytes(len(good))}
    with pytest.raises(DataError, match=r"with the md5 sum .*, expected .*was not kept"):
        fetch_dataset("mnist", tmp_path)
    names = {path.name for path in (tmp_path / "mnist").iterdir()}
    assert names == {"train-images"}


def test_servers_that_are_not_there(tmp_path, mnist, server):
    with pytest.raises(DataError, match="404 Not Found"):
        fetch_dataset("mnist", tmp_path, url=server.url + "/elsewhere")
    with pytest.raises(DataError, match=r"cannot fetch http://127.0.0.1:1/train-images"):
        fetch_dataset("mnist", tmp_path, url="http://127.0.0.1:1")
    for url in ("nonsense", "", "ftp://a"):
        with pytest.raises(SpecError, match="the URL must begin with https://"):
            fetch_dataset("mnist", tmp_path, url=url)


def test_a_folder_in_the_place_of_the_net(tmp_path, mnist):
    fetch_dataset("mnist", tmp_path / "data", url=(tmp_path / "made").as_uri())
    assert check_dataset("mnist", data_dir=tmp_path / "data").is_good


def test_a_place_that_cannot_be_written(tmp_path, mnist):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot write into"):
        fetch_dataset("mnist", tmp_path / "file")


def tar_of(contents):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def cifar(tmp_path, formats, register, server):
    """Puts an archive on the server that may be another than the published one."""
    contents = formats.cifar_contents()
    info = formats.seal_cifar(tmp_path / "made", contents)

    def put(changes):
        names = {f"cifar-10-batches-py/{name}": content for name, content in contents.items()}
        archive = tar_of({**names, "cifar-10-batches-py/readme.html": b"hello", **changes})
        server.contents = {"cifar.tar.gz": archive}
        file = DataFile("cifar.tar.gz", len(archive), hashlib.md5(archive).hexdigest())
        origin = Origin(url=server.url, folder="cifar-10-batches-py", archive=file)
        return register(dataclasses.replace(info, origin=origin))

    return put


def test_an_archive_is_unpacked(tmp_path, cifar, server):
    cifar({})
    folder = fetch_dataset("cifar10", tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        *("data_batch_1", "data_batch_2", "test_batch", "batches.meta")
    }
    assert len(load_dataset("cifar10", data_dir=tmp_path).train_images) == 9
    server.asked.clear()
    fetch_dataset("cifar10", tmp_path)
    assert server.asked == []


def test_paths_of_an_archive_are_not_followed(tmp_path, cifar):
    cifar({"../../outside": b"!", "/tmp/../x/test_batch": b"bad"})
    fetch_dataset("cifar10", tmp_path / "a" / "b")
    assert not list(tmp_path.rglob("outside"))
    assert check_dataset("cifar10", data_dir=tmp_path / "a" / "b").is_good


def test_an_archive_without_a_file(tmp_path, cifar):
    cifar({"cifar-10-batches-py/test_batch": b"bad"})
    with pytest.raises(DataError, match="does not hold test_batch as published"):
        fetch_dataset("cifar10", tmp_path)


@pytest.mark.parametrize("name", ["segments(20)", "digits", "imagenet(size=64)"])
def test_what_is_not_fetched(tmp_path, name):
    with pytest.raises(SpecError, match="is not fetched"):
        fetch_dataset(name, tmp_path)


def test_check_names_every_damaged_file(tmp_path, mnist):
    folder = fetch_dataset("mnist", tmp_path)
    for name in ("train-labels", "test-labels"):
        (folder / name).write_bytes(b"x")
    (folder / "test-images").unlink()
    check = check_dataset("mnist", data_dir=tmp_path)
    assert not check.is_good
    said = "\n".join(check.faults)
    assert all(name in said for name in ("train-labels", "test-labels", "test-images"))
    assert "train-images" not in said
    assert check.to_dict()["is_good"] is False


def test_check_of_data_that_are_not_there(tmp_path, mnist):
    with pytest.raises(DataError, match="none of its 4 files"):
        check_dataset("mnist", data_dir=tmp_path)
    with pytest.raises(DataError, match="no data folder is given"):
        check_dataset("mnist")


def test_check_finds_files_that_fit_their_sums_and_nothing_else(tmp_path, formats, register):
    contents = formats.cifar_contents() | {"test_batch": formats.cifar_batch(0, [0, 9])}
    register(formats.seal_cifar(tmp_path, contents))
    check = check_dataset("cifar10", data_dir=tmp_path)
    assert "has labels from 0 to 9" in check.faults[0]


@pytest.mark.parametrize("name", ["digits", "circles(4)"])
def test_check_of_what_needs_no_files(name):
    check = check_dataset(name)
    assert check.is_good
    assert sum(check.train_counts) == check.n_train == {"digits": 1398}.get(name, 12_000)
