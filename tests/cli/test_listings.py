import re

import pytest

from nnmass import __version__
from nnmass.data import DATASET_KINDS, DATASETS
from nnmass.specs import FAMILIES


def test_nets_ls(nnmass_cli):
    document = nnmass_cli("nets", "ls", "--json").document
    assert [row["family"] for row in document["families"]] == list(FAMILIES)
    text = nnmass_cli("nets", "ls").out
    assert all(name in text for name in FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_nets_show(nnmass_cli, family):
    document = nnmass_cli("nets", "show", family, "--json").document
    keys = [field.key for field in FAMILIES[family].keyed_fields()]
    assert [field["key"] for field in document["fields"]] == keys
    assert all((field["default"] is None) == field["required"] for field in document["fields"])
    text = nnmass_cli("nets", "show", family).out
    assert document["example"] in text
    assert all(re.search(rf"^{key} ", text, re.MULTILINE) for key in keys)


def test_nets_show_of_an_unknown_family(nnmass_cli):
    done = nnmass_cli("nets", "show", "resnets")
    assert done.code == 2
    assert done.err.startswith("nnmass nets show: unknown family 'resnets'")
    assert "Did you mean 'resnet'" in done.err


def test_datasets_ls(nnmass_cli, tmp_path):
    document = nnmass_cli("datasets", "ls", "--json").document
    found = {entry["name"]: entry["is_found"] for entry in document["datasets"]}
    assert found == {name: name == "digits" for name in DATASETS}
    assert [kind["name"] for kind in document["kinds"]] == list(DATASET_KINDS)
    text = nnmass_cli("datasets", "ls", "--data-dir", tmp_path).out
    assert "60,000" in text
    assert "mnist: " in text


def test_version_and_help(nnmass_cli):
    assert nnmass_cli("--version").out.startswith(f"nnmass {__version__}")
    assert nnmass_cli("--help").code == 0


@pytest.mark.parametrize(
    "verb",
    [
        ["mass"],
        ["design"],
        ["predict"],
        ["probe"],
        ["train"],
        ["demo"],
        ["nets", "ls"],
        ["nets", "show"],
        ["probes", "ls"],
        ["probes", "show"],
        ["doctor"],
        ["datasets", "ls"],
        ["study", "run"],
        ["study", "resume"],
        ["study", "check"],
        ["study", "ls"],
        ["study", "show"],
        ["study", "export"],
        ["study", "fit"],
        ["slim", "sparse"],
        ["audit", "patch"],
        ["audit", "bits"],
        ["audit", "recheck"],
        ["datasets", "show"],
        ["datasets", "get"],
        ["datasets", "check"],
    ],
)
def test_every_help_ends_with_two_examples(nnmass_cli, verb):
    text = nnmass_cli(*verb, "--help").out
    examples = text[text.index("Examples:") :]
    assert examples.count(f"nnmass {' '.join(verb)}") == 2
    assert "--json" in text


def test_a_misspelt_verb(nnmass_cli):
    done = nnmass_cli("mas")
    assert done.code == 2
    assert "Did you mean 'mass'" in done.err
