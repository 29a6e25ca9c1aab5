import json
import re
from pathlib import Path

import pytest

import nnmass
from nnmass.design import LatencyTable, measure_latency_table, pareto_front

LIKE = "dense-cnn(wm=1,d=12,t=20/30)"
SMALL = "dense-cnn(wm=1,d=5,t=9/20,image=8)"
WIDE = "mobilenet-v2(wm=1.4)"


# --- the answer


def test_json_agrees_with_python(nnmass_cli):
    document = nnmass_cli("design", "--like", LIKE, "--json").document
    front = nnmass.design(like=LIKE)
    assert document["schema"] == "nnmass.design/1"
    for key, value in json.loads(json.dumps(front.to_dict())).items():
        assert document[key] == value
    assert document["match"] == "cells"
    assert document["is_optimal"] is True
    assert (document["files"], document["front"], document["latency"]) == ([], None, None)


def test_every_option_reaches_the_search(nnmass_cli):
    document = nnmass_cli(
        "design", "--space", "dense-cnn(wm=1..2,d=4..8,t=*/*)", "--mass", "60:90",
        "--max-params", "900k", "--max-macs", "120MMAC", "--max-memory", "400KiB",
        "--objective", "macs", "--match", "network", "--across-widths", "--top", 3, "--json",
    ).document  # fmt: skip
    wanted = nnmass.design(
        space="dense-cnn(wm=1..2,d=4..8,t=*/*)",
        mass=(60.0, 90.0),
        max_params=9e5,
        max_macs=1.2e8,
        max_memory=400 * 1024,
        objective="macs",
        match="network",
        across_widths=True,
        top=3,
    )
    assert document["candidates"] == [c.to_dict() for c in wanted]
    assert document["limits"] == wanted.limits.to_dict()
    assert document["reference"] is None
    width = nnmass_cli("design", "--like", LIKE, "--width", "1", "--depth", "6:8", "--json")
    assert width.document["space"] == "dense-cnn(wm=1,d=6..8,t=*/*)"


def test_the_table_and_the_claim(nnmass_cli):
    done = nnmass_cli("design", "--like", LIKE, "--depth", "6:8", "--top", 2)
    lines = done.out.splitlines()
    front = nnmass.design(like=LIKE, depth=(6, 8), top=2)
    assert [line.split()[0] for line in lines[1:4]] == ["ref", "1", "2"]
    assert lines[2].split()[1] == str(front[0].spec)
    assert lines[2].split()[-1] == "fit"  # accuracy: no fit
    ratio = front.reference.params / front[0].params
    assert f"{ratio:.2f}x" in lines[2]
    assert lines[-2].startswith(
        f"1 is optimal: of the {front.n_covered:,} networks of {front.space}"
    )
    assert "each next one is optimal among those that differ" in lines[-2]
    assert lines[-1].endswith("the reference's own.")
    assert done.err == ""


def test_limits_of_the_reference_and_asked_ones_are_told_apart(nnmass_cli):
    line = nnmass_cli("design", "--like", LIKE, "--max-params", "500k").out.splitlines()[-1]
    macs = f"{nnmass.parse(LIKE).macs / 1e6:.2f} M MACs"
    assert line.endswith(f"; at most 500.0 k params; at most {macs}, the reference's own.")
    free = nnmass_cli(
        "design", "--like", LIKE, "--max-params", "none", "--max-macs", "none", "--json"
    ).document
    assert "params" not in free["limits"]
    assert "macs" not in free["limits"]
    own = nnmass_cli("design", "--like", LIKE, "--json").document
    assert own["limits"]["params"] == nnmass.parse(LIKE).params


def test_without_a_reference_nothing_is_fewer(nnmass_cli):
    out = nnmass_cli("design", "--family", "dense-mlp", "--mass", "20", "--top", 2).out
    assert "fewer " not in out.splitlines()[0]
    assert out.splitlines()[1].startswith("1 ")


def test_widths_are_flagged_and_long_names_shortened(nnmass_cli):
    arguments = ["--like", WIDE, "--width", "1..1.4..0.1", "--mass", 1797, "--top", 3]
    refused = nnmass_cli("design", *arguments)
    assert refused.code == 2
    assert "--across-widths" in refused.err
    lines = nnmass_cli("design", *arguments, "--across-widths").out.splitlines()
    assert [line.rstrip().endswith(" a") for line in lines[1:5]] == [False, True, True, True]
    assert "blocks=2/4/5/8/4/2/1" in lines[2]
    assert "flag a: wm=1, the reference has wm=1.4 (all)" in lines
    full = [line for line in lines if re.match(r"\d: mobilenet-v2\(", line)]
    front = nnmass.design(like=WIDE, width="1..1.4..0.1", mass=1797, across_widths=True, top=3)
    assert full == [f"{i}: {c.spec}" for i, c in enumerate(front, start=1)]


def test_depths_outside_are_flagged_as_one_reason(nnmass_cli):
    out = nnmass_cli("design", "--like", LIKE, "--depth", "3:8", "--top", 9).out
    flags = [line for line in out.splitlines() if line.startswith("flag")]
    assert flags == [
        "flag a: cell 0 has a depth outside 6 to 12 (1 to 3)",
        "flag b: cell 1 has a depth outside 6 to 12 (1 to 3)",
    ]


def test_a_starved_cell_is_told(nnmass_cli):
    done = nnmass_cli("design", "--like", "dense-cnn(wm=2,d=21,t=40/80/125)", "--match", "network")
    assert done.err.startswith("note: ")
    assert "--match cells" in done.err
    assert nnmass_cli("design", "--like", LIKE).err == ""


def test_the_reference_may_be_a_file_a_folder_or_a_factory(nnmass_cli, tmp_path):
    (tmp_path / "some.json").write_text(nnmass.parse(LIKE).to_json())
    nnmass.save(nnmass.build(LIKE, seed=0), tmp_path / "saved")
    (tmp_path / "mine.py").write_text(
        "import nnmass, torch\n"
        f"def make():\n    return torch.nn.Sequential(nnmass.build({SMALL!r}, seed=0))\n"
    )
    wanted = nnmass_cli("design", "--like", LIKE, "--json").document["candidates"]
    for text in ("some.json", "saved"):
        document = nnmass_cli("design", "--like", text, "--json").document
        assert document["candidates"] == wanted
    document = nnmass_cli("design", "--like", "mine:make", "--input", "3x8x8", "--json").document
    assert document["reference"]["spec"] == SMALL
    assert document["notes"][0].startswith("mine:make is dense-cnn(")


# --- the front


def test_a_front_agrees_with_python(nnmass_cli):
    done = nnmass_cli("design", "--like", SMALL, "--front", 4, "--json")
    document, front = done.document, pareto_front(like=SMALL, levels=4)
    assert document["front"] == front.to_dict()
    assert document["candidates"] == [point.to_dict() for point in front.points]
    assert (document["objective"], document["target_mass"]) == ("front", None)
    lines = nnmass_cli("design", "--like", SMALL, "--front", 4).out.splitlines()
    assert "least in" in lines[0]
    assert [line.split()[0] for line in lines[2 : 2 + len(front.points)]] == [
        str(rank) for rank in range(1, len(front.points) + 1)
    ]
    assert any(line.startswith("Each is optimal: of the ") for line in lines)


def test_a_picture_beside_candidates(nnmass_cli, tmp_path):
    done = nnmass_cli(
        "design", "--like", SMALL, "--svg", "f.svg", "--html", "page/f.html", "--json"
    )
    assert (tmp_path / "f.svg").read_text().startswith("<svg")
    page = (tmp_path / "page" / "f.html").read_text()
    assert "What a mass costs at least" in page
    assert str(nnmass.design(like=SMALL)[0].spec) in page
    assert len(done.document["candidates"]) == len(nnmass.design(like=SMALL))
    assert len(done.document["front"]["points"]) > 5
    assert "wrote f.svg" in done.err
    heavy = nnmass_cli("design", "--like", SMALL, "--mass", 60, "--svg", "h.svg", "--json").document
    masses = [point["mass"] for point in heavy["front"]["points"]]
    assert min(masses) < 60 < max(masses)  # also what less, and what more, would cost
    again = tmp_path / "again.svg"
    nnmass_cli("design", "--like", SMALL, "--svg", again, "--json")
    assert again.read_text() == (tmp_path / "f.svg").read_text()


# --- files


def test_specs_are_written_and_read_back(nnmass_cli, tmp_path):
    out = tmp_path / "designs"
    document = nnmass_cli("design", "--like", LIKE, "--out", out, "--json").document
    assert len(document["files"]) == len(document["candidates"]) > 3
    for file, candidate in zip(document["files"], document["candidates"], strict=True):
        assert nnmass_cli("mass", file, "--json").document["spec"] == candidate["spec"]
        assert json.loads(Path(file).read_text())["schema"] == "nnmass.spec/1"
    reference = nnmass_cli("mass", out / "reference.json", "--json").document
    assert reference["spec"] == LIKE
    assert json.loads((out / "design.json").read_text()) == document
    assert nnmass_cli("design", "--like", LIKE, "--out", out).err.count("nnmass train") == 1


def test_files_of_an_earlier_run_are_gone_and_those_of_others_stay(nnmass_cli, tmp_path):
    out = tmp_path / "designs"
    nnmass_cli("design", "--like", LIKE, "--front", 6, "--out", out)
    before = sorted(file.name for file in out.iterdir())
    assert "front.svg" in before
    assert "candidate-06.json" in before
    (out / "candidate-99.json").write_text("mine")
    (out / "candidate-98.json").write_text('["mine"]')
    (out / "notes.txt").write_text("mine")
    nnmass_cli("design", "--space", "dense-mlp(w=4,d=5,t=*)", "--mass", 3, "--top", 1, "--out", out)
    assert sorted(file.name for file in out.iterdir()) == [
        "candidate-01.json", "candidate-98.json", "candidate-99.json", "design.json", "notes.txt",
    ]  # fmt: skip
    assert json.loads((out / "design.json").read_text())["candidates"][0]["spec"].startswith(
        "dense-mlp"
    )


def test_a_run_that_is_stopped_leaves_no_document(nnmass_cli, tmp_path, monkeypatch):
    out = tmp_path / "designs"
    nnmass_cli("design", "--like", LIKE, "--out", out)
    real = nnmass.runs.write_atomic

    def stopped(path, content):
        if "candidate-02" in str(path):
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(nnmass.runs, "write_atomic", stopped)
    assert nnmass_cli("design", "--like", SMALL, "--out", out).code == 130
    assert sorted(file.name for file in out.iterdir()) == ["candidate-01.json", "reference.json"]


def test_a_failed_search_leaves_the_folder_as_it_was(nnmass_cli, tmp_path):
    out = tmp_path / "designs"
    nnmass_cli("design", "--like", LIKE, "--out", out)
    before = {file: file.read_bytes() for file in out.iterdir()}
    assert nnmass_cli("design", "--like", LIKE, "--max-params", "3", "--out", out).code == 2
    assert {file: file.read_bytes() for file in out.iterdir()} == before


# --- latency


@pytest.fixture
def clock(monkeypatch):
    """A stopwatch that needs no time: every layer takes 1 ms, every network 40."""
    real_table, real_check = measure_latency_table, LatencyTable.check

    def measure(networks, **options):
        return real_table(
            networks, **{**options, "max_seconds": 1e-9, "stopwatch": lambda call: 1.0}
        )

    def check(self, specs, **options):
        return real_check(self, specs, **{**options, "stopwatch": lambda call: 40.0})

    monkeypatch.setattr("nnmass.design.measure_latency_table", measure)
    monkeypatch.setattr(LatencyTable, "check", check)


def test_a_table_is_measured_used_and_checked(nnmass_cli, clock, tmp_path):
    arguments = ["design", "--like", SMALL, "--latency-table", "lat.json", "--top", 2]
    done = nnmass_cli(*arguments, "--max-latency", "30ms", "--objective", "latency", "--json")
    document = done.document
    table = LatencyTable.load(tmp_path / "lat.json")
    for candidate in [document["reference"], *document["candidates"]]:
        assert candidate["latency_ms"] == pytest.approx(table.network_ms(candidate["spec"]))
    assert document["limits"]["latency_ms"] == 30
    assert [check["network"] for check in document["latency"]["checks"]] == [
        SMALL, *(candidate["spec"] for candidate in document["candidates"]),
    ]  # fmt: skip
    worst = max(abs(c["layers_ms"] - 40) / 40 for c in document["latency"]["checks"])
    assert document["latency"]["error"]["largest"] == pytest.approx(worst)
    assert "measuring what lat.json lacks of this space, on 1 thread" in done.err
    assert "measuring 3 whole networks" in done.err
    text = nnmass_cli(*arguments)
    assert "measuring" not in text.err  # all is known
    assert "latency (ms)" in text.out
    assert "beside 3 whole networks they were " in text.out.splitlines()[-1]


def test_a_reference_outside_the_space_is_measured_too(nnmass_cli, clock):
    deeper = "dense-cnn(wm=1,d=5,t=40/20,image=8)"  # reads more than any layer of the space
    document = nnmass_cli(
        "design", "--like", deeper, "--space", "dense-cnn(wm=1,d=3,t=*/*,image=8)",
        "--mass", 9, "--latency-table", "lat.json", "--json",
    ).document  # fmt: skip
    assert document["reference"]["latency_ms"] > document["candidates"][0]["latency_ms"]


def test_only_what_is_missing_is_measured(nnmass_cli, clock, tmp_path):
    arguments = ["design", "--latency-table", "lat.json", "--json", "--quiet"]
    done = nnmass_cli(*arguments, "--like", SMALL)
    assert done.err == ""
    first = LatencyTable.load(tmp_path / "lat.json").times
    nnmass_cli(*arguments, "--like", "dense-cnn(wm=1,d=7,t=9/20,image=8)")
    second = LatencyTable.load(tmp_path / "lat.json").times
    assert second[: len(first)] == first
    assert len(second) > len(first)


def test_a_table_of_other_threads_or_another_machine(nnmass_cli, clock, tmp_path):
    arguments = ["design", "--like", SMALL, "--latency-table", "lat.json"]
    nnmass_cli(*arguments)
    done = nnmass_cli(*arguments, "--threads", 2)
    assert done.code == 3
    assert "threads 1, and is asked for threads 2" in done.err
    values = json.loads((tmp_path / "lat.json").read_text())
    values["setting"]["machine"]["cpu"] = "abacus"
    (tmp_path / "lat.json").write_text(json.dumps(values))
    done = nnmass_cli(*arguments)
    assert done.code == 3
    assert "abacus" in done.err


def test_a_stopped_measurement_says_how_to_go_on(nnmass_cli, monkeypatch, tmp_path):
    def stopped(networks, *, path, on_entry, **_):
        raise KeyboardInterrupt

    def stopped_later(networks, *, path, **options):
        measure_latency_table(networks, path=path, max_seconds=1e-9, stopwatch=lambda call: 1.0)
        stopped(networks, path=path, **options)

    arguments = ["design", "--like", SMALL, "--latency-table", "lat.json"]
    monkeypatch.setattr("nnmass.design.measure_latency_table", stopped)
    done = nnmass_cli(*arguments)
    assert done.code == 130
    assert "the same command" not in done.err  # nothing was kept
    monkeypatch.setattr("nnmass.design.measure_latency_table", stopped_later)
    done = nnmass_cli(*arguments)
    assert done.code == 130
    assert "the same command goes on from there" in done.err
    assert (tmp_path / "lat.json").exists()


def test_nothing_is_measured_for_a_wrong_question(nnmass_cli, monkeypatch):
    monkeypatch.setattr("nnmass.design.measure_latency_table", None)
    for wrong in (
        ["--objective", "size"],
        ["--match", "cell"],
        ["--depth", "9:3"],
        ["--front", 3, "--top", 3],
    ):
        done = nnmass_cli("design", "--like", SMALL, "--latency-table", "lat.json", *wrong)
        assert done.code == 2, done.err
    done = nnmass_cli("design", "--like", "dense-mlp(w=8,d=9,t=4)", "--latency-table", "lat.json")
    assert done.code == 2
    assert "no layer rule is known for the family 'dense-mlp'" in done.err


# --- what goes wrong


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["a reference (like=, --like)", "none was given"]),
        (["--like", ""], ["spec"]),
        (["--like", LIKE, "--mass", 1e6], ["NN-Mass of at least", "What would do", "--depth"]),
        (["--like", LIKE, "--mass", "-1"], ["mass must be a number of at least 0", "got -1"]),
        (["--like", LIKE, "--mass", "nan"], ["mass must be a number of at least 0"]),
        (["--like", LIKE, "--mass", "9:5"], ["the most 5 lies below the least 9"]),
        (["--like", LIKE, "--mass", "much"], ["--mass must be", "'much'"]),
        (["--like", LIKE, "--depth", "6-8"], ["LOW:HIGH", "'6-8'"]),
        (["--like", LIKE, "--depth", "8:6"], ["must be at least 8, got 6"]),
        (["--like", LIKE, "--depth", "2:6"], ["must be at least 3, got 2"]),
        (["--like", LIKE, "--objective", "size"], ["objective must be one of", "'size'"]),
        (["--like", LIKE, "--objective", "latency"], ["--latency-table FILE"]),
        (["--like", LIKE, "--max-latency", "3ms"], ["--latency-table FILE"]),
        (["--like", LIKE, "--match", "cell"], ["'network' or 'cells'", "'cell'"]),
        (["--like", LIKE, "--top", 0], ["top must be at least 1, got 0"]),
        (["--like", LIKE, "--front", 1], ["levels must be at least 2, got 1"]),
        (["--like", LIKE, "--front", 3, "--objective", "macs"], ["--objective macs contradict"]),
        (["--like", LIKE, "--front", 10**9], ["levels must be at most 1,000"]),
        (["--like", LIKE, "--threads", 2], ["--threads 2", "--latency-table"]),
        (["--like", LIKE, "--width", "wide"], ["width", "'wide'"]),
        (["--like", LIKE, "--width", "1..3"], ["--across-widths"]),
        (["--like", LIKE, "--family", "resnet"], ["'dense-cnn', got 'resnet'"]),
        (["--like", LIKE, "--space", "dense-mlp(w=8,d=4..9,t=*)"], ["within one family"]),
        (["--like", LIKE, "--input", "3,8,8"], ["--input must be the sizes", "'3,8,8'"]),
        (["--space", "dense-cnn(wm=1,d=9..3,t=*)", "--mass", 4], ["9..3"]),
        (["--space", LIKE, "--depth", "3:5", "--mass", 4], ["contradict each other"]),
        (["--like", LIKE, "--max-params", "4ms"], ["--max-params", "'4ms'"]),
        (["--like", LIKE, "--max-latency", "12"], ["--max-latency", "a unit is missing"]),
        (["--like", LIKE, "--max-memory", "30M"], ["30MB (decimal) or 30MiB"]),
        (["--like", LIKE, "--max-macs", "2GFLOPs"], ["--max-macs 1G"]),
        (["--like", LIKE, "--max-params", "3"], ["parameters of at least", "What would do"]),
        (["--like", "dense-cnn(wm=1)"], ["d is missing", "t is missing"]),
        (["--like", "timm:nothing_of_the_kind"], ["nothing_of_the_kind"]),
        (["--family", "densnet", "--mass", 4], ["Did you mean 'densenet'"]),
        (["--like", LIKE, "--svg", "."], ["--svg must be the name of a file"]),
        (["--like", LIKE, "--svg", "a", "--html", "./a"], ["name the same file"]),
    ],
)
def test_wrong_use(nnmass_cli, arguments, words):
    done = nnmass_cli("design", *arguments)
    assert done.code == 2, done.err
    assert done.out == ""
    assert done.err.startswith("nnmass design: ")
    assert all(word in done.err for word in words), done.err


def test_a_full_disk_or_a_file_in_the_way(nnmass_cli, tmp_path):
    (tmp_path / "taken").write_text("")
    done = nnmass_cli("design", "--like", LIKE, "--out", tmp_path / "taken")
    assert done.code == 3
    assert "cannot write" in done.err
    assert done.out == ""
    done = nnmass_cli("design", "--like", SMALL, "--svg", tmp_path / "taken" / "a.svg")
    assert done.code == 3
    assert "cannot write" in done.err
