"""The explorer: what its server answers, and what a person sees in a real browser."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlencode, urlparse

import pytest

import nnmass
from nnmass.errors import SpecError, StoreError
from nnmass.report import Studies, explorer_app
from nnmass.report._explorer import _answers as answers
from nnmass.report._explorer._controls import changed, controls_of
from nnmass.report._numbers import format_count, format_mass
from nnmass.specs import FAMILIES, parse
from nnmass.studies import run_study
from report.browsing import WHY_NOT, opened

in_browser = [pytest.mark.browser, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

STUDY = """
[study]
name = "small"
data = "digits"
seeds = 2
recipe = "adam"
train_images = 100
test_images = 50

[recipe]
epochs = 1

[[networks]]
spec = "dense-mlp(w=8,d={6,8,10},t={1,3,6},in=64)"
"""


@pytest.fixture(scope="module", name="study")
def study_fixture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    (folder / "small.toml").write_text(STUDY)
    run_study(folder / "small.toml", out=folder / "small")
    return folder / "small"


@pytest.fixture(scope="module", name="address")
def address_fixture(study):
    """A server of its own, as the command line starts it."""
    command = [sys.executable, "-m", "nnmass", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        [*command, "--study", str(study)], stderr=subprocess.PIPE, text=True
    ) as server:
        line = server.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line + server.stderr.read()
        yield found.group()
        server.terminate()


def asked(address, what, headers=None, **query):
    request = urllib.request.Request(
        f"{address}/api/{what}?{urlencode(query)}", headers=headers or {}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}") if error.code != 400 else {}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_control_changes_its_field_and_no_other(family):
    spec = parse(FAMILIES[family].example)
    controls = controls_of(spec)
    assert controls
    for one in controls:
        assert changed(spec, one.key, one.index, one.value).values() == spec.values()
        if one.choices:
            continue
        assert one.low <= float(one.value) <= one.high
        up = float(one.value) + one.step
        other = changed(spec, one.key, one.index, f"{up:g}")
        differ = {key for key, value in other.values().items() if value != spec.values()[key]}
        assert one.key in differ
        assert differ <= {one.key, "depth", "block", "first"}, (one, differ)


def test_a_change_that_is_not_allowed_is_told():
    spec = parse("dense-cnn(wm=2,d=13,t=40/80/125)")
    with pytest.raises(SpecError, match="has no field 'tt'"):
        changed(spec, "tt", None, "1")
    with pytest.raises(SpecError, match="t has 3 numbers, from 0 on, got place 3"):
        changed(spec, "t", 3, "1")
    with pytest.raises(SpecError, match="must be"):
        changed(spec, "d", None, "2")


def test_a_description_needs_no_torch():
    code = (
        "import sys\n"
        "from nnmass.report._explorer._answers import describe\n"
        "for text in ('dense-cnn(wm=2,d=13,t=40/80/125)', 'resnet(depth=50)', 'vgg(depth=16)'):\n"
        "    told = describe(text)\n"
        "print('torch' in sys.modules, told['numbers']['NN-Mass'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "0.00"]


def test_numbers_are_those_of_the_spec():
    told = answers.describe("dense-mlp(w=8,d=16,t=8)", change=("t", None, "3"))
    spec = parse("dense-mlp(w=8,d=16,t=3)")
    assert told["spec"] == str(spec)
    assert told["numbers"]["NN-Mass"] == format_mass(spec.mass)
    assert told["numbers"]["parameters"] == format_count(spec.params)
    assert str(parse(told["commands"]["train it"].split('"')[1])) == str(spec)


def test_what_is_not_drawn_says_why():
    assert answers.describe("vgg(depth=16)")["undrawn"] == "no skips: its NN-Mass is 0"
    told = answers.describe("dense-cnn(wm=1,d=5000,t=10/20)")
    assert (told["svg"], told["numbers"]["NN-Mass"]) == ("", format_mass(parse(told["spec"]).mass))
    assert "a cell of 5,000 layers" in told["undrawn"]
    assert answers.drawing(told["spec"])["svg"] == ""
    assert answers.describe("dense-mlp(w=8,d=16,t=8)")["undrawn"] == ""


def test_the_optimum_is_that_of_design():
    spec = "dense-cnn(wm=1,d=8,t=20/40)"
    told = answers.design_for(spec, (("mass", 80.0), ("macs", 90.0)))
    reference = parse(spec)
    best = nnmass.design(like=spec, mass=0.8 * reference.mass, max_macs=0.9 * reference.macs)[0]
    assert told["best"]["spec"] == str(best.spec) == told["specs"][1]
    assert f"--max-macs {0.9 * reference.macs:.6g}" in told["command"]
    with pytest.raises(nnmass.errors.BudgetError):
        answers.design_for(spec, (("params", 1.0),))


def test_only_zoos_are_opened_by_name():
    for name in ("os:getcwd", "nnmass.demo:main", "../secrets", "resnet(depth=18)"):
        with pytest.raises(SpecError, match="is of no zoo"):
            answers.network(name)


def test_studies(study, tmp_path):
    studies = Studies([study])
    told = studies.show("small")
    assert len(told["charts"]) == 3
    assert "18 done" in told["line"]
    assert sum(len(trace["x"]) for trace in told["charts"][0]["traces"]) == 9
    assert studies.model("small") is not None
    with pytest.raises(SpecError, match=r"there is no study 'smal'.*Did you mean 'small'"):
        studies.show("smal")
    assert Studies.within(study.parent).names == ["small"]
    assert Studies.within(tmp_path).names == []
    with pytest.raises(StoreError):
        Studies([tmp_path])


def test_the_server_answers_its_own_page_alone(address):
    code, told = asked(address, "describe", spec="dense-mlp(w=8,d=16,t=8)")
    assert (code, told["family"]) == (200, "dense-mlp")
    assert asked(address, "describe", {"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert asked(address, "describe", {"Host": "evil.example"})[0] == 400
    for name, query, reason in (
        ("describe", {"spec": "dense-mpl(w=8)"}, "unknown family"),
        ("describe", {"spec": "dense-mlp(w=8,d=16,t=8)", "study": "none"}, "there is no study"),
        ("design", {}, "spec is missing"),
        ("design", {"spec": "dense-mlp(w=8,d=16,t=8)", "mass": "x"}, "must be per cent"),
        ("design", {"spec": "dense-mlp(w=8,d=16,t=8)", "params": "-5"}, "must be per cent"),
        ("network", {"name": "os:getcwd"}, "is of no zoo"),
        ("network", {"name": "timm:resnet18x"}, "resnet18x"),
        ("study", {"name": "x"}, "there is no study"),
    ):
        code, told = asked(address, name, **query)
        assert code == 200, (name, query, told)
        assert reason in told["error"]
    with urllib.request.urlopen(address, timeout=60) as response:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_an_app_needs_nothing_but_studies(study):
    assert explorer_app(Studies([study])).routes


class TestInBrowser:
    pytestmark = in_browser

    @staticmethod
    def ready(page):
        page.wait_for_selector("body[data-ready]")

    @staticmethod
    def drag(page, control, value):
        tell = "node.dispatchEvent(new Event('input', {bubbles: true}))"
        page.locator(control).evaluate(f"(node, value) => {{ node.value = value; {tell} }}", value)

    @staticmethod
    def card(page, name):
        return page.locator("#numbers div", has_text=name).locator("dd").inner_text()

    def test_a_drag_changes_numbers_drawing_and_address(self, chromium, address):
        with opened(chromium, address, own=address) as page:
            self.ready(page)
            assert page.locator("#drawing .cell").count() == 3
            self.drag(page, "#control-d-", "21")
            page.wait_for_selector("body[data-spec='dense-cnn(wm=2,d=21,t=40/80/125)']")
            spec = parse("dense-cnn(wm=2,d=21,t=40/80/125)")
            assert self.card(page, "NN-Mass") == format_mass(spec.mass)
            assert self.card(page, "parameters") == format_count(spec.params)
            assert parse_qs(urlparse(page.url).query)["spec"] == [str(spec)]
            assert page.locator("#drawing .cell").first.locator(".layers circle").count() == 21

    def test_many_drags_end_at_the_last(self, chromium, address):
        with opened(chromium, address, own=address) as page:
            self.ready(page)
            for depth in range(14, 40):
                self.drag(page, "#control-d-", str(depth))
            page.wait_for_selector("body[data-spec='dense-cnn(wm=2,d=39,t=40/80/125)']")
            page.wait_for_timeout(300)
            assert page.input_value("#spec") == "dense-cnn(wm=2,d=39,t=40/80/125)"

    def test_budgets_move_the_optimum(self, chromium, address):
        start = f"{address}?{urlencode({'spec': 'dense-cnn(wm=1,d=8,t=20/40)', 'mass': 60})}"
        with opened(chromium, start, own=address) as page:
            self.ready(page)
            page.wait_for_selector("#design-table tbody tr:nth-child(2)")
            page.wait_for_selector("#front .main-svg")
            spec = parse("dense-cnn(wm=1,d=8,t=20/40)")
            best = nnmass.design(like=spec, mass=0.6 * spec.mass, top=5)[0]
            assert str(best.spec) in page.inner_text("#design-table tbody tr:nth-child(2)")
            self.drag(page, "#budget-mass", "120")
            wanted = nnmass.design(like=spec, mass=1.2 * spec.mass, top=5)[0]
            row = page.locator("#design-table tbody tr:nth-child(2)", has_text=str(wanted.spec))
            row.wait_for()
            assert parse_qs(urlparse(page.url).query)["mass"] == ["120"]
            page.locator("#copy-design").click()
            page.locator("#told", has_text="--mass").wait_for()
            self.drag(page, "#budget-params", "5")
            page.locator("#design-line", has_text="no network of").wait_for()

    def test_a_reload_loses_nothing(self, chromium, address):
        query = {"spec": "dense-mlp(w=8,d=8,t=3,in=64)", "study": "small", "params": "90"}
        query["beside"] = "timm:resnet18"
        with opened(chromium, f"{address}?{urlencode(query)}", own=address) as page:
            for _ in range(2):
                self.ready(page)
                page.wait_for_selector("#study-charts .main-svg")
                page.locator("#beside-table", has_text="timm:resnet18").wait_for()
                assert page.input_value("#study") == "small"
                assert page.input_value("#budget-params") == "90"
                assert page.input_value("#spec") == query["spec"]
                assert "%" in self.card(page, "accuracy")
                page.reload()
            page.get_by_label("remove timm:resnet18").click(timeout=60_000)
            assert "beside" not in parse_qs(urlparse(page.url).query)

    def test_mistakes_are_told_and_change_nothing(self, chromium, address):
        with opened(chromium, address, own=address) as page:
            self.ready(page)
            before = page.url
            page.fill("#spec", "dense-cmn(wm=2)")
            page.press("#spec", "Enter")
            page.locator("#fault", has_text="unknown family 'dense-cmn'").wait_for()
            assert page.url == before
            assert self.card(page, "NN-Mass") == "526.11"
            page.fill("#beside", "timm:resnet18x")
            page.press("#beside", "Enter")
            page.locator("#beside-line", has_text="resnet18x").wait_for()
            self.drag(page, "#control-wm-", "3")
            page.wait_for_selector("body[data-spec='dense-cnn(wm=3,d=13,t=40/80/125)']")
            assert page.inner_text("#fault") == ""
        for wrong in ({"spec": "dense-cmn(wm=2)"}, {"study": "gone"}):
            with opened(chromium, f"{address}?{urlencode(wrong)}", own=address) as page:
                self.ready(page)
                assert next(iter(wrong.values())).split("(")[0] in page.inner_text("#fault")
                assert self.card(page, "NN-Mass") == "526.11"
