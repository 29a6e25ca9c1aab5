"""Results read back from their documents: the page is that of the living result, word for word."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import nnmass
from nnmass.audit import BitAudit, PatchAttack, PatchSummary, bit_trojan
from nnmass.design import AdditiveError, Front, ParetoFront, design, pareto_front
from nnmass.errors import NNMassError, SpecError, StoreError
from nnmass.probes import (
    ProbedNetwork,
    gradient_flow,
    isometry_theory,
    latency,
    ldi,
    score_proxies,
)
from nnmass.report import (
    render_html,
    report_bits,
    report_design,
    report_inspections,
    report_of,
    report_patches,
    report_probes,
    report_sparse,
    report_study,
    report_training,
    terms_table,
)
from nnmass.report._documents._pages import combined
from nnmass.report._spec_arcs import spec_cells
from nnmass.runs import (
    RunRecord,
    StoredStudy,
    Trial,
    TrialResult,
    write_curve,
    write_record,
)
from nnmass.slim import Sparsification, sparse_report, sparsify
from nnmass.specs import FAMILIES, parse
from nnmass.studies import fit_accuracy
from nnmass.studies._measure_terms import TermsFit
from nnmass.studies._study import spec_facts
from nnmass.tracing import Topology
from oracles.tiny_classifiers import tiny_images, trained_net
from report.test_audit_pages import patch_audit


def plain(result):
    """What a file holds of a result."""
    return json.loads(json.dumps(result.to_dict(), allow_nan=False))


def probed(spec="dense-mlp(w=4,d=6,t=3,in=6)"):
    images, labels = torch.rand(8, 6, generator=torch.Generator().manual_seed(0)), torch.arange(8)
    return ProbedNetwork(
        name=spec,
        mass=3.0,
        params=99,
        macs=88,
        depth=6,
        results={
            "ldi": ldi(spec, images, seeds=3),
            "flow": gradient_flow(spec, images, labels, seeds=2, steps=1),
            "baselines": score_proxies(
                spec, images, labels, proxies=["params", "snip", "naswot"], seeds=2
            ),
            "latency": latency(
                nnmass.build(spec, seed=0), (6,), n_repeats=5, warm_up=1, batch_sizes=(1, 2)
            ),
            "theory": isometry_theory(spec, seeds=2),
        },
        failures={"other": "it has none"},
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_probed_networks(legacy):
    one = probed()
    if legacy:
        images = torch.rand(4, 6, generator=torch.Generator().manual_seed(0))
        one = replace(one, results={"ldi": ldi(one.name, images, seeds=2, legacy=True)})
    again = ProbedNetwork.from_dict(plain(one))
    assert report_probes([again]) == report_probes([one])
    assert plain(again) == plain(one)
    others = [replace(one, name=f"net {k}", mass=float(k + 1), depth=k) for k in range(3)]
    read = [ProbedNetwork.from_dict(plain(other)) for other in others]
    assert report_probes(read) == report_probes(others)


def test_a_probe_that_fails_stays_failed():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[0].weight.data.fill_(float("nan"))
    result = ldi(net, torch.rand(2, 3))
    one = ProbedNetwork(
        name="broken", mass=None, params=1, macs=1, depth=None, results={"ldi": result}
    )
    again = ProbedNetwork.from_dict(plain(one))
    assert again.ldi.mean is None
    assert again.ldi.failures == result.failures != ()
    assert report_probes([again]) == report_probes([one])


def test_traced_networks():
    nets = {
        "dense": nnmass.build("dense-cnn(wm=1,d=5,t=10/20)", device="meta"),
        "residual": nnmass.build("resnet(depth=8,stem=cifar,image=32)", device="meta"),
    }
    found = [nnmass.trace(net, (3, 32, 32), name=name) for name, net in nets.items()]
    again = [Topology.from_dict(plain(one)) for one in found]
    assert report_inspections(again) == report_inspections(found)
    assert [plain(one) for one in again] == [plain(one) for one in found]


@pytest.mark.parametrize("like", ["dense-cnn(wm=1,d=8,t=20/40)", "mobilenet-v2"])
def test_designs_and_fronts(like):
    front, pareto = design(like=like, top=3), pareto_front(like=like, levels=4)
    read = Front.from_dict(plain(front)), ParetoFront.from_dict(plain(pareto))
    assert report_design(*read) == report_design(front, pareto)
    assert report_design(None, read[1]) == report_design(None, pareto)
    assert report_design(read[0], None).sections[0] == report_design(front, pareto).sections[0]
    told = plain(front) | {
        "schema": "nnmass.design/1",
        "front": plain(pareto),
        "latency": {
            "error": AdditiveError(
                n_networks=3, median=0.04, largest=0.07, bias=-0.04, is_corrected=True
            ).to_dict()
        },
    }
    assert "4.0 % off" in render_html(report_of([json.dumps(told)]))


def test_a_bit_audit():
    net, images, labels = trained_net(), *tiny_images(60)
    audit = bit_trojan(
        net,
        audit=(images[:30], labels[:30]),
        evaluation=(images[30:], labels[30:]),
        targets=(0, 2),
        places=("centre",),
        n_weights=(4,),
        trigger_px=3,
        n_audit=30,
        emulate_floating_scale=True,
    )
    again = BitAudit.from_dict(plain(audit))
    assert report_bits(again) == report_bits(audit)
    assert plain(again) == plain(audit)


def test_a_patch_audit_without_its_votes():
    audit = patch_audit()
    curves = [
        {
            "threshold": t,
            "rule": rule,
            "certified_accuracy": [list(p) for p in audit.curve(t, rule)],
        }
        for t in (0.3, "top-one")
        for rule in ("location", "count")
    ]
    told = json.loads(json.dumps(audit.to_dict() | {"curves": curves}))
    assert report_patches(PatchSummary.from_dict(told)) == report_patches(audit)
    attack = PatchAttack(
        patch=(1, 1), restarts=2, steps=3, step_size=0.1, clean_accuracy=0.5,
        attacked_accuracy=0.25, is_flipped=(True, False), seconds=1.0,
    )  # fmt: skip
    assert PatchAttack.from_dict(plain(attack)) == attack


def test_a_sparse_network():
    net = nnmass.build("resnet(depth=8,stem=cifar,image=32)", seed=0)
    record = sparse_report(sparsify(net, kss=2))
    again = Sparsification.from_dict(plain(record))
    assert again == record
    told = {"value_bits": 32, "dense": 9, "compact": 4}
    macs = {"before": {"stem": 9}, "after": {"stem": 4}}
    page = report_sparse("net", again, **macs, storage_bits=told)
    assert page == report_sparse("net", record, **macs, storage_bits=told)
    assert "4 of 9 MACs" in page.answer
    assert len(page.sections[0].figures) == 3


def rows():
    return [
        {"spec": f"dense-mlp(w=8,d={d},t={t})", "accuracy": 0.5 + 0.01 * t + 0.001 * seed}
        for d in (8, 12, 16)
        for t in (1, 3, 6)
        for seed in range(2)
    ]


def test_a_fit():
    fit = fit_accuracy(rows(), n_resamples=100)
    again = [TermsFit.from_dict(plain(one)) for one in fit.configurations]
    assert terms_table(again, "t", top=5) == terms_table(fit.configurations, "t", top=5)
    told = {"schema": "nnmass.study-fit/1", "path": "a.csv", **fit.to_dict()}
    assert "ln mass explains" in report_of([json.dumps(told)]).answer


def record(**more):
    told = {
        "spec": "dense-mlp(w=8,d=8,t=1)", "mass": 2.0, "params": 5, "macs": 4, "dataset": "digits",
        "sizes": {"train": 9}, "seed": 0, "recipe": {"lr": 0.1}, "status": "finished",
        "epochs_done": 2, "best_epoch": 1, "validation_accuracy": 0.8, "test_accuracy": 0.75,
        "environment": {"torch": "2"},
    }  # fmt: skip
    return RunRecord(**told | more)


def test_the_folder_of_a_run(tmp_path):
    curve = [{"epoch": float(k), "validation_accuracy": k / 4} for k in (1, 2)]
    write_record(record(), tmp_path)
    write_curve(curve, tmp_path)
    page = report_of([tmp_path])
    assert page.sections == report_training(record(), curve).sections
    assert page.provenance["read from"] == str(tmp_path)
    unfinished = report_training(record(test_accuracy=None))
    assert "still in training: 2 epochs are done" in unfinished.answer


@pytest.mark.parametrize("family", FAMILIES)
def test_cells_of_a_spec_are_those_of_the_built_network(family):
    spec = nnmass.parse(FAMILIES[family].example)
    shape = (1,) if family == "dense-mlp" else None
    drawn = spec_cells(spec)
    assert sum(cell.exact_mass for cell in drawn) == pytest.approx(spec.mass)
    assert [cell.links for cell in drawn] == [cell.links for cell in spec.cells]
    if shape is None:
        values = spec.values()
        shape = (values["in"], values["image"], values["image"])
        traced = nnmass.trace(nnmass.build(spec, device="meta"), shape)
        assert [[(k.source, k.target, k.channels) for k in cell.link_list] for cell in drawn] == [
            [(k.source, k.target, k.channels) for k in cell.link_list] for cell in traced.cells
        ]


def test_several_results_are_parts_of_one_page(tmp_path):
    write_record(record(), tmp_path)
    page = report_of([tmp_path, tmp_path], title="Both")
    assert page.title == "Both"
    assert [part.title for part in page.parts] == ["Training of dense-mlp(w=8,d=8,t=1)"] * 2
    html = render_html(page)
    assert html.count("<article") == 2
    assert "75.0 % on the test images" in html


BAD = {
    "nothing.json": ("", "holds no JSON"),
    "list.json": ("[1]", "no JSON object"),
    "other.json": ('{"schema": "somebody.else/1"}', "its schema is 'somebody.else/1'; known are"),
    "bare.json": ('{"a": 1}', "its schema is ''"),
    "half.json": ('{"schema": "nnmass.inspect/1"', "holds no JSON"),
    "lacks.json": ('{"schema": "nnmass.inspect/1"}', "it has no 'networks'"),
    "wrong.json": ('{"schema": "nnmass.inspect/1", "networks": 5}', "damaged, or of another"),
    "cell.json": ('{"schema": "nnmass.mass/1", "cells": [], "mass": 1}', "damaged, or of another"),
    "spec.json": (
        '{"schema": "nnmass.design/1", "objective": "params", "front": null, "latency": null, '
        '"candidates": [{"spec": "dense-cmn(w=1)", "accuracy": null}]}',
        "unknown family 'dense-cmn'",
    ),
    "probe.json": (
        '{"schema": "nnmass.probe/1", "settings": {"data": "d", "probes": []}, '
        '"networks": [{"probes": {"luck": 1}}]}',
        "there is no probe 'luck'",
    ),
    "study.json": ('{"schema": "nnmass.study/1"}', "name the study's folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_result_is_told(tmp_path, name):
    text, told = BAD[name]
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(SpecError) as error:
        report_of([file])
    assert told in str(error.value)
    assert str(file) in str(error.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(StoreError, match=r"there is no file or folder .*gone"):
        report_of([tmp_path / "gone.json"])
    with pytest.raises(SpecError, match="the folder holds none of"):
        report_of([tmp_path])
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(StoreError, match=r"cannot read .*image\.png"):
        report_of([tmp_path / "image.png"])
    with pytest.raises(NNMassError, match="needs at least one result"):
        combined([])


def stored(n_done):
    """A study of two networks and three seeds, of which some trainings are done."""
    trials = [
        Trial(spec=spec, seed=seed, recipe={}, data="digits", facts=dict(spec_facts(parse(spec))))
        for spec in ("dense-mlp(w=8,d=8,t=1)", "dense-mlp(w=8,d=12,t=1)")
        for seed in range(3)
    ]
    results = tuple(
        TrialResult(trial=trial, status="done", accuracy=0.5 + k / 100, seconds=1.0, torch="2")
        if k < n_done
        else TrialResult(trial=trial, status="failed" if k == 5 else "pending", reason="no disk")
        for k, trial in enumerate(trials)
    )
    return StoredStudy(name="s", folder=Path("s"), text="", options={}, results=results)


def test_an_empty_study_and_one_that_has_begun():
    empty = report_study(replace(stored(0), results=()))
    assert empty.answer == "The study holds no trial yet."
    assert empty.sections == ()
    begun = report_study(stored(0))
    assert begun.answer == "0 of 6 trainings are done, 1 failed."
    assert [section.heading for section in begun.sections] == ["The networks", "What failed"]
    assert "n/a" in render_html(begun)
    few = report_study(stored(3))
    assert len(few.sections[0].figures) == 3  # one network: still a mark
    assert "no disk" in render_html(few).replace("<wbr>", "")
    assert [one.chart.traces[0].y for one in few.sections[0].figures] == [[pytest.approx(51)]] * 3
