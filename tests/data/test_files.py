import pytest

from nnmass.data._files import read_checked
from nnmass.errors import DataError


def test_content_comes_back_whole(tmp_path, formats):
    contents = formats.idx_contents()
    info = formats.seal_idx(tmp_path, contents)
    assert [read_checked(info, tmp_path, file) for file in info.files] == list(contents.values())


def test_flipped_bit(tmp_path, formats):
    info = formats.seal_idx(tmp_path, formats.idx_contents())
    file = info.files[0]
    path = tmp_path / file.name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_checked(info, tmp_path, file)
    message = str(caught.value)
    assert message.startswith(f"mnist: {path} has the md5 sum ")
    assert f"expected {file.md5} ({file.size_bytes:,} bytes)" in message
    assert message.endswith("Delete it and get it again. Ask at example.org.")


def test_cut_file(tmp_path, formats):
    info = formats.seal_idx(tmp_path, formats.idx_contents())
    file = info.files[1]
    path = tmp_path / file.name
    path.write_bytes(path.read_bytes()[:-1])
    said = rf"has {file.size_bytes - 1} bytes, expected {file.size_bytes} \(md5 {file.md5}\)"
    with pytest.raises(DataError, match=said):
        read_checked(info, tmp_path, file)


def test_file_that_went_away(tmp_path, formats):
    info = formats.seal_idx(tmp_path, formats.idx_contents())
    (tmp_path / info.files[2].name).unlink()
    with pytest.raises(DataError, match=r"cannot read .*test-images: No such file"):
        read_checked(info, tmp_path, info.files[2])
