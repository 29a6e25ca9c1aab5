import pytest

from nnmass.errors import SpecError
from nnmass.probes import CATALOGUE, PROXIES, probe_info


def test_every_probe_and_proxy_is_there_with_all_that_is_said_of_it():
    assert set(CATALOGUE) == {"ldi", "flow", "latency", "theory", *PROXIES}
    for name, info in CATALOGUE.items():
        assert info.name == name
        assert info.definition, name
        assert info.source, name
        assert "Args:" not in info.definition + info.source
        assert "Example:" not in info.definition + info.source
        assert "``" not in info.definition + info.source
        assert info.to_dict()["measures"] == info.measures


@pytest.mark.parametrize("name", PROXIES)
def test_proxies_say_what_their_definition_says(name):
    info, proxy = probe_info(name), PROXIES[name]
    assert info.better == ("higher" if proxy.higher_is_better else "lower")
    assert info.source == proxy.source
    assert info.batch_norm == (proxy.batch_norm or "")
    assert info.probe == "baselines"


def test_paragraphs_are_whole_lines_and_formulas_stay():
    definition = probe_info("snip").definition
    assert "\n\n    snip = sum_l sum | W_l * dL/dW_l |\n\n" in definition
    assert all("\n" not in block for block in definition.split("\n\n") if not block.startswith(" "))


@pytest.mark.parametrize(
    ("name", "said"), [("snipp", "Did you mean 'snip'"), ("", "Known are"), ("baselines", "show")]
)
def test_unknown_names(name, said):
    with pytest.raises(SpecError, match=said):
        probe_info(name)
