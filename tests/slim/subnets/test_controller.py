"""The controller: switch sequences worked out by hand, and no swinging to and fro."""

import random
from itertools import pairwise

import pytest

from nnmass.errors import SpecError
from nnmass.slim._subnets._controller import LevelController

TIMES = [40.0, 20.0, 10.0, 5.0]


def levels(controller, measured):
    return [controller.observe(time) for time in measured]


def test_an_idle_machine_keeps_the_largest_level_that_fits():
    assert LevelController(TIMES, 100.0).level == 0
    assert LevelController(TIMES, 40.0).level == 0
    assert LevelController(TIMES, 39.9).level == 1
    assert LevelController(TIMES, 1.0).level == 3  # nothing fits: the smallest


def test_one_slow_request_is_smoothed_and_a_slow_machine_is_not_waited_for():
    # ratio: 1 -> 0.8 + 0.2 * 1.1 = 1.02; 20.4 is within 22; then 0.816 + 0.2 * 2 = 1.216: 24.32.
    controller = LevelController(TIMES, 22.0)
    assert levels(controller, [22.0, 40.0]) == [1, 2]
    assert controller.ratio == pytest.approx(1.216)
    assert controller.predicted_ms(2) == pytest.approx(12.16)


def test_a_jump_skips_levels():
    # ratio 0.8 + 0.2 * 20 = 4.8: 96, 48 and even 24 are above 22: level 3 at once, though 24 > 22.
    controller = LevelController(TIMES, 22.0)
    assert levels(controller, [400.0]) == [3]


def test_up_again_after_ten_requests_that_leave_a_tenth_and_not_before():
    controller = LevelController(TIMES, 22.5)
    assert levels(controller, [60.0]) == [2]  # ratio 1.4: 28 > 22.5, 14 fits
    # At level 2 with 10 ms: ratio - 1 = 0.4 * 0.8^n. 20 * ratio * 1.1 <= 22.5 needs
    # ratio <= 1.0227..: 0.8^n <= 0.0568: n = 13 (0.8^12 = 0.0687, 0.8^13 = 0.0550).
    # The 13th is the first of ten; after the 22nd the next larger level takes over.
    found = levels(controller, [10.0] * 21)
    assert found == [2] * 21
    assert controller.observe(10.0) == 1


def test_the_count_starts_again_when_it_is_broken():
    controller = LevelController(TIMES, 22.5, smoothing=1.0)
    controller.observe(60.0)  # ratio 3: level 3 would take 15, level 2 takes 30
    assert controller.level == 3
    assert levels(controller, [5.0] * 9) == [3] * 9
    assert controller.observe(12.0) == 3  # ratio 2.4: level 2 would take 24; broken
    assert levels(controller, [5.0] * 10) == [3] * 9 + [2]
    assert levels(controller, [10.0] * 10) == [2] * 9 + [1]
    assert levels(controller, [20.0] * 30) == [1] * 30  # 40 > 22.5: level 0 stays out of reach


def test_it_does_not_swing_between_two_levels():
    # The machine is 5 % slower than the table, so that level 1 takes 21 of 22 ms: it fits, but
    # leaves no tenth. From above it stays; from below it never goes up.
    above = LevelController(TIMES, 22.0)
    assert set(levels(above, [21.0] * 200)) == {1}
    below = LevelController(TIMES, 22.0)
    levels(below, [100.0])
    found = []
    for _ in range(200):
        found.append(below.observe(1.05 * TIMES[below.level]))
    assert found[-1] == 2
    assert sum(one != other for one, other in pairwise(found)) <= 1


def test_noise_makes_few_switches():
    controller, rng = LevelController(TIMES, 22.0), random.Random(0)
    found = [
        controller.observe(TIMES[controller.level] * rng.uniform(0.9, 1.15)) for _ in range(2000)
    ]
    assert sum(one != other for one, other in pairwise(found)) <= 4


def test_the_same_times_give_the_same_levels():
    times = [random.Random(1).uniform(3, 60) for _ in range(500)]
    assert levels(LevelController(TIMES, 25.0), times) == levels(
        LevelController(TIMES, 25.0), times
    )


def test_a_new_budget_is_kept_at_once():
    controller = LevelController(TIMES, 100.0)
    controller.budget_ms = 12.0
    assert controller.level == 2
    controller.budget_ms = 100.0
    assert controller.level == 2  # up only after a while
    assert levels(controller, [10.0] * 10) == [2] * 9 + [1]


def test_a_single_level_is_all_there_is():
    controller = LevelController([5.0], 1.0)
    assert levels(controller, [9.0, 1.0]) == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"times_ms": []}, r"times_ms must be one time or more"),
        ({"times_ms": [1.0, 2.0]}, r"must fall from level to level, got 1 ms and then 2 ms"),
        ({"times_ms": [1.0, -2.0]}, r"each of times_ms must be a finite number above 0"),
        ({"budget_ms": 0}, r"budget_ms must be a finite number above 0, got 0"),
        ({"budget_ms": "25"}, r"budget_ms must be a finite number above 0, got '25'"),
        (
            {"smoothing": 1.5},
            r"smoothing must be at most 1 and margin at least 1, got smoothing=1.5",
        ),
        ({"margin": 0.5}, r"margin=0.5"),
        ({"patience": 0}, r"patience must be at least 1, got 0"),
    ],
)
def test_messages(arguments, words):
    with pytest.raises(SpecError, match=words):
        LevelController(**{"times_ms": TIMES, "budget_ms": 20.0, **arguments})


def test_a_time_that_is_none_is_refused():
    for time in (0, float("nan"), -1.0):
        with pytest.raises(SpecError, match=r"measured_ms must be a finite number above 0"):
            LevelController(TIMES, 20.0).observe(time)
