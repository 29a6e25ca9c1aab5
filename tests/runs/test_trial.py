import json
import subprocess
import sys

import pytest

from nnmass.runs import TRIAL_COLUMNS, Trial, TrialResult

FIELDS = {
    "spec": "dense-mlp(w=8,d=4,t=1)",
    "seed": 0,
    "recipe": {"lr": 0.1, "epochs": 2},
    "data": "digits",
    "extra": {"n_train": 10},
}


def test_the_id_is_that_of_the_content_on_every_machine():
    code = (
        "import json, sys; from nnmass.runs import Trial\n"
        "print(Trial(**json.loads(sys.argv[1])).id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(FIELDS)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == Trial(**FIELDS).id


def test_the_order_of_keys_and_the_facts_do_not_matter():
    trial = Trial(**FIELDS)
    turned = Trial(**{**FIELDS, "recipe": {"epochs": 2, "lr": 0.1}}, facts={"mass": 3.0})
    assert (trial.id, trial) == (turned.id, turned)
    assert len({trial, turned}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"spec": "dense-mlp(w=8,d=4,t=2)"},
        {"seed": 1},
        {"recipe": {"lr": 0.2, "epochs": 2}},
        {"data": "mnist"},
        {"extra": {"n_train": 11}},
    ],
)
def test_anything_else_makes_another_trial(change):
    assert Trial(**{**FIELDS, **change}).id != Trial(**FIELDS).id


def test_a_row_has_all_columns():
    trial = Trial(**FIELDS, facts={"mass": 3.0, "family": "dense-mlp"})
    row = TrialResult(trial=trial, status="done", accuracy=0.5, seconds=1.0).to_row()
    assert tuple(row) == TRIAL_COLUMNS
    assert (row["mass"], row["accuracy"], row["n_train"], row["ldi_mean"]) == (3.0, 0.5, 10, None)
