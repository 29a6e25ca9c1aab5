import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnmass
from nnmass.errors import SpecError
from nnmass.studies import EQUAL_MASS, equal_mass_groups


def test_the_published_configurations_fall_into_one_group_a_link_cap():
    named = [(d, t) for d in (16, 20, 24, 28, 32) for t in range(13)]
    masses = [nnmass.cell_mass(8, d, t) for d, t in named]
    groups = equal_mass_groups(masses, [d for d, _ in named], [1.0 + d for d, _ in named])
    assert len(groups) == 13
    for t, group in enumerate(groups):
        assert {named[i] for i in group.members} == {(d, t) for d in (16, 20, 24, 28, 32)}
        assert group.depths == (16, 20, 24, 28, 32)
        assert group.spread == pytest.approx(16 / 25)
        assert group.values == (17.0, 33.0)


networks = st.lists(
    st.tuples(st.floats(0, 100), st.integers(3, 6), st.floats(0.1, 10)), max_size=30
)


@given(networks)
def test_each_network_is_in_one_group_at_most_and_near_its_middle(rows):
    masses, depths, values = zip(*rows, strict=True) if rows else ((), (), ())
    groups = equal_mass_groups(masses, depths, values)
    members = [i for group in groups for i in group.members]
    assert len(members) == len(set(members))
    for group in groups:
        low, high = group.masses
        assert high - low <= EQUAL_MASS * (low + high)
        assert [masses[i] for i in group.members] == sorted(
            (masses[i] for i in group.members), reverse=True
        )
        assert len(group.depths) >= 2
        mine = [values[i] for i in group.members]
        assert group.spread == pytest.approx((max(mine) - min(mine)) / (sum(mine) / len(mine)))


def test_one_depth_is_no_group():
    assert equal_mass_groups([5.0, 5.0], [8, 8], [1.0, 2.0]) == ()
    assert equal_mass_groups([], [], []) == ()


def test_lengths_must_agree():
    with pytest.raises(SpecError, match="1, 2 and 1"):
        equal_mass_groups([1.0], [1, 2], [1.0])
