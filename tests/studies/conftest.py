"""Small studies on the digits, and an engine without workers."""

from __future__ import annotations

import pytest

from nnmass.studies import JobEnded, JobStarted, TrialEnded, run_job, run_study

STUDY_TEXT = """
[study]
name = "kills"
data = "digits"
seeds = {seeds}
recipe = "adam"
train_images = {images}
test_images = 50

[recipe]
epochs = {epochs}
batch_size = 20

[[networks]]
spec = "dense-mlp(w=8,d={{{depths}}},t={{0..{most}..4}},in=64)"

[[networks]]
spec = "mobilenet-v2(wm=0.35,rows=1:8:1:1,stem=mnist,image=8,in=1)"
"""
STUDY_SIZES = {
    "few": {"seeds": 1, "images": 60, "epochs": 1, "most": 4, "depths": "4,6"},
    "many": {"seeds": 3, "images": 120, "epochs": 2, "most": 8, "depths": "4,6"},
    "long": {"seeds": 8, "images": 1200, "epochs": 12, "most": 12, "depths": "4..18..2"},
}


@pytest.fixture(scope="session")
def study_text():
    """The text of a study of small networks on the digits."""

    def text(*, trials="few", **changes):
        return STUDY_TEXT.format(**{**STUDY_SIZES[trials], **changes})

    return text


class InlineEngine:
    """Runs jobs in this process, one after the other."""

    name = "inline"
    n_workers = 1

    def __init__(self, run=run_job):
        self.run_job = run

    def check(self):
        """It is always there."""

    def run(self, next_job, context):
        while (job := next_job()) is not None:
            yield JobStarted(job=job, worker="here")
            for result in self.run_job(job, data_dir=context.data_dir, device=context.device):
                yield TrialEnded(result=result)
            yield JobEnded(job=job)


@pytest.fixture(scope="session")
def inline():
    return InlineEngine


@pytest.fixture
def undisturbed(tmp_path):
    """Runs a study in this process, without workers; gives the folder."""

    def run(file, out=None):
        out = out or tmp_path / "undisturbed"
        run_study(file, out=out, engine=InlineEngine())
        return out

    return run
