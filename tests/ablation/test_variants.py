"""The plan: which variants there are, in which order, and what they are called."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from cmploss import CmpCrop, CmpDrop
from cmploss.ablation import Variant, variants_of


def steps(*ablations):
    """(power, view) of every variant."""
    return [(variant.power, variant.view) for variant in variants_of(*ablations)]


@pytest.mark.parametrize(
    ("ablations", "expected"),
    [
        ((CmpDrop(0),), [(0, 0)]),
        ((CmpDrop(2),), [(0, 0), (1, 0), (2, 0)]),
        ((CmpCrop(0),), [(None, 0)]),
        ((CmpCrop(2),), [(None, 0), (None, 1), (None, 2)]),
        ((CmpCrop(2, dropout="off"),), [(0, 0), (0, 1), (0, 2)]),
        ((CmpDrop(1), CmpCrop(1)), [(0, 0), (0, 1), (1, 1)]),
        ((CmpCrop(1), CmpDrop(1)), [(0, 0), (0, 1), (1, 1)]),
        ((CmpDrop(3), CmpCrop(1)), [(0, 0), (0, 1), (1, 1), (2, 1), (3, 1)]),
        ((CmpDrop(1), CmpCrop(3)), [(0, 0), (0, 1), (1, 1), (1, 2), (1, 3)]),
        ((CmpDrop(2), CmpCrop(0)), [(0, 0), (1, 0), (2, 0)]),
        ((CmpDrop(0), CmpCrop(2)), [(0, 0), (0, 1), (0, 2)]),
    ],
)
def test_steps_of_a_plan(ablations, expected):
    assert steps(*ablations) == expected


@given(st.integers(0, 5), st.integers(0, 5))
def test_steps_take_turns_and_each_ablates_one_thing_more(n_drop, n_crop):
    plan = variants_of(CmpDrop(n_drop), CmpCrop(n_crop))
    power = view = 0
    for number, variant in enumerate(plan[1:]):
        if view < n_crop and (number % 2 == 0 or power == n_drop or view < power):
            view += 1
        else:
            power += 1
        assert (variant.power, variant.view) == (power, view)
    assert (power, view) == (n_drop, n_crop)
    assert all(later.ablates(earlier) and not earlier.ablates(later) for earlier, later in pairwise(plan))
    assert len({variant.name for variant in plan}) == len(plan) == n_drop + n_crop + 1


def test_names():
    assert [variant.name for variant in variants_of(CmpDrop(2), CmpCrop(2))] == [
        "full", "crop1", "crop1_drop1", "crop2_drop1", "crop2_drop2"
    ]  # fmt: skip
    assert [variant.name for variant in variants_of(CmpCrop(1))] == ["dropout", "crop1_dropout"]
    assert [variant.name for variant in variants_of(CmpCrop(1, dropout="off"))] == ["full", "crop1"]


def test_a_base_rate_goes_to_the_passes_with_dropout():
    assert [variant.p for variant in variants_of(CmpDrop(2, p=0.3), CmpCrop(1))] == [None, None, 0.3, 0.3]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Variant(), Variant()),
        (Variant(None), Variant(None)),  # the same submodel twice
        (Variant(1, p=0.1), Variant(1, p=0.2)),
        (Variant(1, view=0), Variant(0, view=1)),
        (Variant(None), Variant(1)),
        (Variant(None, view=1), Variant(0)),
    ],
)
def test_neither_ablates_the_other(one, other):
    assert not one.ablates(other)
    assert not other.ablates(one)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: variants_of(), "give CmpDrop, CmpCrop, CmpLayer or one of each, as in .*; got nothing"),
        (lambda: variants_of(CmpDrop(1), CmpDrop(2)), r"one of each, .*; got CmpDrop\(n_drop=1, p=None\), CmpDrop"),
        (
            lambda: variants_of(CmpCrop(1), CmpCrop(1)),
            r"one of each, .*; got CmpCrop\(n_crop=1, dropout='own'\), CmpCr",
        ),
        (lambda: variants_of(CmpDrop(1), 2), r"one of each, .*; got CmpDrop\(n_drop=1, p=None\), 2"),
        (
            lambda: variants_of(CmpDrop(1), CmpCrop(1, dropout="off")),
            "cannot be combined with CmpDrop",
        ),
        (lambda: CmpCrop(1, dropout="on"), "dropout='on' is unknown; allowed: own, off"),
        (lambda: CmpCrop(-1), "n_crop=-1 must not be negative"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()
