import numpy as np
import pytest

from nnmass.report import equal_mass_table, render_html, report_equal_mass
from nnmass.report._spec_arcs import link_counts
from nnmass.runs import RunRecord
from nnmass.studies import ArmResult, EqualMassResult, plan_equal_mass
from nnmass.topology import Cell, draw_links


def record(arm, seed, accuracy):
    candidate = arm.candidate
    return RunRecord(
        spec=str(candidate.spec),
        mass=candidate.mass,
        params=candidate.params,
        macs=candidate.macs,
        dataset="made",
        sizes={"train": 90, "validation": 10, "test": 50},
        seed=seed,
        recipe={"epochs": 2},
        status="finished",
        epochs_done=2,
        best_epoch=2,
        validation_accuracy=accuracy,
        test_accuracy=accuracy,
        last_test_accuracy=accuracy - 0.01,
        train_seconds=3.0,
        environment={"torch": "<b>2</b>"},
    )


def curve(accuracy):
    return tuple({"epoch": n, "validation_accuracy": accuracy * n / 2} for n in (1, 2))


@pytest.fixture(scope="module")
def result():
    accuracies = {"reference": (0.9, 0.94), "designed": (0.91, 0.93), "control": (0.5, 0.6)}
    arms = {
        arm.role: ArmResult(
            arm=arm,
            records=tuple(record(arm, s, a) for s, a in enumerate(accuracies[arm.role])),
            curves=tuple(curve(a) for a in accuracies[arm.role]),
        )
        for arm in plan_equal_mass("dense-cnn(wm=1,d=9,t=9/20,in=1,image=8)")
    }
    return EqualMassResult(**arms)


def test_the_table(result):
    rows = {row[0]: row for row in equal_mass_table(result).rows}
    assert list(rows) == ["reference", "designed", "control"]
    assert "92.0 ± 2.8" in rows["reference"]
    assert "55.0 ± 7.1" in rows["control"]
    assert "3.0 s" in rows["designed"]


def test_the_page(result):
    page = render_html(report_equal_mass(result))
    assert result.verdict().split(":")[0] in page
    for arm in result.arms:
        assert page.count(f"depth {arm.arm.candidate.spec.cells[0].depth}, width 16") >= 1
    assert page.count("<svg") == 6  # two scatters, three networks, the curves
    assert "&lt;b&gt;2&lt;/b&gt;" in page
    assert "90 train, 10 validation, 50 test" in page


def test_link_counts_are_the_drawn_links():
    cell = Cell(width=4, depth=7, link_cap=6)
    counts = np.array(link_counts(cell, 2, seed=5))
    wiring = draw_links(cell, seed=5, cell_index=2)
    assert counts.sum() == cell.links
    assert counts.sum(1).tolist() == [len(links) for links in wiring]
    assert counts[6, 0] == sum(channel < 4 for channel in wiring[6])
    assert not np.triu(counts, -1).any()
