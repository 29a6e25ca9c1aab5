import itertools

import pytest

from nnmass.errors import SpecError, StoreError
from nnmass.specs import parse
from nnmass.studies import parse_study, read_study_file
from nnmass.studies._study_grid import expand_specs
from nnmass.train import Recipe

GOOD = """
[study]
name = "mlp"
data = "digits"
seeds = [0, 3]
recipe = "adam"
train_images = 100

[recipe]
epochs = 4

[[networks]]
spec = "dense-mlp(w=8,d={4,6},t={0..8..4},in=64)"

[[networks]]
specs = ["dense-mlp(w=8,d=4,t=0,in=64)", "mobilenet-v2(stem=mnist,image=8,in=1)"]

[measure]
ldi = true

[quick]
seeds = 1
train_images = 50
recipe.epochs = 1
grid.t = [0, 8]

[engine]
workers = 2
"""


def test_a_whole_file():
    study = parse_study(GOOD)
    mlps = [f"dense-mlp(w=8,d={d},t={t},in=64)" for d in (4, 6) for t in (0, 4, 8)]
    assert study.specs == (
        *mlps,
        str(parse("mobilenet-v2(stem=mnist,image=8,in=1)")),
    )  # one was twice there
    assert (study.seeds, study.recipe.epochs, study.recipe.optimiser) == ((0, 3), 4, "adam")
    assert (study.measure.ldi, study.engine.workers, study.train_images) == (True, 2, 100)
    trials = study.trials()
    assert len(trials) == study.n_trials == 14
    assert len({trial.id for trial in trials}) == 14
    assert trials[0].facts["mass"] == parse(mlps[0]).mass
    assert trials[0].extra == {"n_train": 100, "n_test": None, "ldi_images": 100}


def test_quick_changes_what_it_names():
    study = parse_study(GOOD, quick=True)
    assert (study.seeds, study.train_images, study.recipe.epochs) == ((0,), 50, 1)
    assert study.recipe.optimiser == "adam"
    assert {parse(spec).values().get("t") for spec in study.specs} == {0, 8, None}
    assert study.is_quick


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("d={4..6}", ["4", "5", "6"]),
        ("d={4..9..2}", ["4", "6", "8"]),
        ("d={4,7..8}", ["4", "7", "8"]),
        ("d={ 5 }", ["5"]),
    ],
)
def test_ranges(text, values):
    assert expand_specs(f"dense-mlp(w=8,{text},t=1)") == [
        f"dense-mlp(w=8,d={value},t=1)" for value in values
    ]


def test_grids_and_ranges_are_products_in_order():
    found = expand_specs("dense-mlp(w={8,9},d={4,5},t=0)", {"d": [6, 7], "t": ["0..1", 5]})
    expected = [
        f"dense-mlp(w={w},d={d},t={t})" for w, d, t in itertools.product((8, 9), (6, 7), (0, 1, 5))
    ]
    assert found == expected


def test_a_brace_within_a_list():
    found = expand_specs("dense-cnn(wm=1,d=6,t={4,5}/{8,9})")
    assert [parse(spec).values()["t"] for spec in found] == [(4, 8), (4, 9), (5, 8), (5, 9)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('name = "mlp"', 'nome = "mlp"'), r"unknown key 'nome'\. Did you mean 'name'"),
        (('name = "mlp"', 'name = "a/b"'), r"\[study\] name must be letters, .* got 'a/b'"),
        (("[measure]", "[mesure]"), r"unknown key 'mesure'\. Did you mean 'measure'"),
        (("ldi = true", 'ldi = "yes"'), r"\[measure\] ldi must be true or false, got 'yes'"),
        (("seeds = [0, 3]", "seeds = [0, 0]"), r"seeds must be how many seeds.*got \[0, 0\]"),
        (("seeds = [0, 3]", "seeds = 0"), r"seeds must be how many seeds, at least 1"),
        (("seeds = [0, 3]", "seeds = -1.5"), r"got -1\.5"),
        (("epochs = 4", "epochs = 0"), r"epochs must be a whole number of at least 1, got 0"),
        (("epochs = 4", "epoch = 4"), r"\[recipe\] .*unknown key 'epoch'\. Did you mean 'epochs'"),
        (('recipe = "adam"', 'recipe = "adams"'), r"unknown recipe 'adams'\. Did you mean 'adam'"),
        (("t={0..8..4}", "t={8..0}"), r"the range 8\.\.0 is empty"),
        (("t={0..8..4}", "t={0..}"), r"'0\.\.' is no value"),
        (("t={0..8..4}", "t={0..8"), r"brace without its partner"),
        (("t={0..8..4}", "t={0..99999},act={elu,relu}"), r"stands for 400,000 networks; at most"),
        (("t={0..8..4}", "t={0..9999999}"), r"has more than 100,000 values"),
        (("d={4,6}", "d={1,6}"), r"networks\]\] 1: dense-mlp: d must be .*got '1'"),
        (
            ("dense-mlp(w=8,d={", "dense-mpl(w=8,d={"),
            r"family 'dense-mpl'\. Did you mean 'dense-ml",
        ),
        (("workers = 2", "workers = 0"), r"\[engine\] workers must be a whole number .* got 0"),
        (("workers = 2", 'name = "dask"'), r"\[engine\] name must be 'local' or 'ray', got 'dask'"),
        (("grid.t", "grids.t"), r"\[quick\] .*unknown key 'grids'\. Did you mean 'grid'"),
        (('data = "digits"', "data = 3"), r"\[study\] data must be the name of a data set"),
        (("[study]", "[[study]]"), r"study must be a table"),
        (("[study]", "study"), r"is no TOML file"),
    ],
)
def test_bad_files(change, words):
    assert change[0] in GOOD
    with pytest.raises(SpecError, match=words):
        parse_study(GOOD.replace(*change))


def test_all_faults_stand_in_one_message():
    text = GOOD.replace('name = "mlp"', "").replace("d={4,6}", "d={0}").replace("ldi", "lid")
    with pytest.raises(SpecError, match=r"^the study has 3 faults:\n") as caught:
        parse_study(text)
    assert all(words in str(caught.value) for words in ("name is missing", "got '0'", "'lid'"))


def test_no_networks_and_no_quick():
    head = '[study]\nname = "a"\ndata = "digits"\n'
    with pytest.raises(SpecError, match="there are no networks: write"):
        parse_study(head)
    with pytest.raises(SpecError, match=r"there is no \[quick\] table"):
        parse_study(head + '[[networks]]\nspec = "resnet(depth=18)"\n', quick=True)
    with pytest.raises(SpecError, match=r"give spec .* or specs"):
        parse_study(head + "[[networks]]\n")
    with pytest.raises(SpecError, match=r"grid: dense-mlp has no key 'depth'"):
        parse_study(head + '[[networks]]\nspec = "dense-mlp(w=8,t=0)"\ngrid.depth = [4]\n')


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(StoreError, match=r"cannot read the study file .*nowhere\.toml: No such"):
        read_study_file(tmp_path / "nowhere.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError, match="cannot read the study file"):
        read_study_file(tmp_path / "bytes.toml")


def test_whole_numbers_and_floats_make_one_recipe():
    one = parse_study(GOOD.replace("epochs = 4", "epochs = 4\nweight_decay = 0"))
    two = parse_study(GOOD.replace("epochs = 4", "epochs = 4\nweight_decay = 0.0"))
    assert [trial.id for trial in one.trials()] == [trial.id for trial in two.trials()]


def test_a_value_that_is_the_default_is_no_change_of_the_recipe():
    one = parse_study(GOOD)
    two = parse_study(GOOD.replace("epochs = 4", 'epochs = 4\naugment = "none"'))
    assert [trial.id for trial in one.trials()] == [trial.id for trial in two.trials()]
    other = parse_study(GOOD.replace("epochs = 4", 'epochs = 4\naugment = "flip"'))
    assert not {trial.id for trial in one.trials()} & {trial.id for trial in other.trials()}
    assert Recipe(**one.trials()[0].recipe) == one.recipe
