import pytest

from nnmass.data import DATASETS, dataset_status
from nnmass.errors import SpecError


@pytest.fixture
def info(tmp_path, formats, register):
    return register(formats.seal_idx(tmp_path / "mnist", formats.idx_contents()))


def test_found_in_a_sub_folder(tmp_path, info):
    status = dataset_status("mnist", data_dir=tmp_path)
    assert (status.is_found, status.folder, status.problem) == (True, tmp_path / "mnist", "")


def test_found_in_the_folder_itself_given_as_text(tmp_path, info):
    assert dataset_status("mnist", data_dir=str(tmp_path / "mnist")).is_found


def test_content_is_not_read(tmp_path, info):
    path = tmp_path / "mnist" / info.files[0].name
    path.write_bytes(bytes(info.files[0].size_bytes))
    assert dataset_status("mnist", data_dir=tmp_path).is_found


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_folder_given(info, nothing):
    status = dataset_status("mnist", data_dir=nothing)
    assert (status.is_found, status.folder) == (False, None)
    assert status.problem == "no data folder is given"


def test_folder_that_is_not_there_or_is_a_file(tmp_path, info):
    gone = dataset_status("mnist", data_dir=tmp_path / "gone")
    assert gone.problem == f"the data folder {tmp_path / 'gone'} does not exist"
    file = tmp_path / "mnist" / "train-images"
    assert (
        dataset_status("mnist", data_dir=file).problem == f"the data folder {file} is not a folder"
    )


def test_empty_folder_names_the_files_and_the_places(tmp_path, info):
    (tmp_path / "empty").mkdir()
    status = dataset_status("mnist", data_dir=tmp_path / "empty")
    assert status.folder is None
    assert status.problem == (
        "none of its 4 files (train-images, train-labels, test-images, test-labels) is in "
        f"{tmp_path / 'empty'}, {tmp_path / 'empty' / 'mnist'}"
    )


def test_all_missing_and_cut_files_are_named_at_once(tmp_path, info):
    folder = tmp_path / "mnist"
    (folder / "train-images").unlink()
    (folder / "test-labels").unlink()
    (folder / "train-labels").write_bytes(b"short")
    status = dataset_status("mnist", data_dir=tmp_path)
    assert (status.is_found, status.folder) == (False, folder)
    assert status.problem == (
        f"2 of its 4 files missing in {folder}: train-images, test-labels; "
        f"{folder / 'train-labels'} has 5 bytes, expected {info.files[1].size_bytes} "
        f"(md5 {info.files[1].md5})"
    )


def test_file_that_is_too_long(tmp_path, info):
    path = tmp_path / "mnist" / "test-labels"
    path.write_bytes(path.read_bytes() + b"!")
    size, md5 = info.files[3].size_bytes, info.files[3].md5
    status = dataset_status("mnist", data_dir=tmp_path)
    assert status.problem == f"{path} has {size + 1} bytes, expected {size} (md5 {md5})"


def test_folder_in_the_place_of_a_file_is_missing(tmp_path, info):
    (tmp_path / "mnist" / "train-images").unlink()
    (tmp_path / "mnist" / "train-images").mkdir()
    assert "1 of its 4 files missing" in dataset_status("mnist", data_dir=tmp_path).problem


def test_fuller_folder_counts_and_the_first_among_equals(tmp_path, formats, info):
    (tmp_path / "train-images").write_bytes(b"a stray file")
    assert dataset_status("mnist", data_dir=tmp_path).folder == tmp_path / "mnist"
    formats.seal_idx(tmp_path, formats.idx_contents())
    assert dataset_status("mnist", data_dir=tmp_path).folder == tmp_path


def test_folder_that_cannot_be_looked_into(tmp_path, info, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.is_dir", refuse)
    status = dataset_status("mnist", data_dir=tmp_path)
    assert status.problem == f"cannot look into the data folder {tmp_path}: Permission denied"


def test_embedded_set_needs_no_folder():
    assert dataset_status("digits", data_dir="/no/such/folder").is_found


@pytest.mark.parametrize("wrong", [5, ["a"], b"bytes"])
def test_folder_that_is_no_path(wrong):
    with pytest.raises(SpecError, match="data_dir must be a path, got "):
        dataset_status("mnist", data_dir=wrong)


def test_every_set_has_a_status():
    for name in DATASETS:
        assert dataset_status(name, data_dir=None).is_found == (name == "digits")
