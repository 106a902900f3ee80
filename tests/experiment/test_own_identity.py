"""The identity of a user's own objects: whatever changes what they compute changes it, and nothing else does."""

import functools
import json
import pathlib
import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from sklearn.metrics import fbeta_score

from cmploss.errors import UserError
from cmploss.experiment.own_identity import own_settings
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.measures.own_measures import read_measures, settings_of_measures


def scaled(model, batch, task_loss=None, scale=1.0):
    return scale


def scaled_inside(scale):
    def inside(model, batch, task_loss=None):
        return scale

    return inside


class Plain:
    def __init__(self, scale, *_):
        self.scale = scale

    def __call__(self, model, batch, task_loss=None):
        return self.scale


@dataclass
class Fields:
    scale: Any
    calls: Any = field(default=None, compare=False)

    def __call__(self, model, batch, task_loss=None):
        return self.scale


@dataclass
class OtherFields:
    scale: Any


class Pair(NamedTuple):
    one: float
    other: float


class OtherPair(NamedTuple):
    one: float
    other: float


class Slots(Plain):
    __slots__ = ("scale",)


MAKERS = (
    lambda scale: functools.partial(scaled, scale=scale),
    lambda scale: functools.partial(scaled, None, None, None, scale),
    lambda scale: functools.wraps(scaled)(lambda *given: scaled(*given, scale=scale)),
    lambda scale: lambda model, batch, task_loss=None, scale=scale: scale,
    lambda scale: Plain(scale).__call__,
    lambda scale: functools.partial(Plain(scale)),
    scaled_inside,
    Plain,
    Slots,
    Fields,
)
VALUES = (
    (1.0, 100.0),
    (torch.ones(2), torch.zeros(2)),
    (torch.ones(2, dtype=torch.bfloat16, requires_grad=True), torch.ones(3, dtype=torch.bfloat16)),
    (np.ones(2), np.zeros(2)),
    (pathlib.Path("a"), pathlib.Path("b")),
    (torch.nn.CrossEntropyLoss(label_smoothing=0.1), torch.nn.CrossEntropyLoss(label_smoothing=0.2)),
    (Plain(1.0), Plain(2.0)),
    ([{"a"}, Fields(1)], [{"a"}, Fields(2)]),
    (Fields(1), OtherFields(1)),
    (Pair(1, 2), OtherPair(1, 2)),
    (Plain(1).__call__, Slots(1).__call__),
    (scaled, scaled_inside),
    (scaled_inside(1), scaled_inside(2)),
)


@pytest.mark.parametrize("make", MAKERS)
def test_another_setting_is_another_identity(make):
    for value, other in VALUES:
        one, same, two = (ObjectiveSpec.of(make(each), "mine").to_dict() for each in (value, value, other))
        assert one == same
        assert json.loads(json.dumps(one)) == one
        assert one != two


def test_what_has_no_state_has_no_settings():
    class Stateless:
        def __call__(self, model, batch, task_loss=None):
            return 0

    for own in (scaled, Stateless(), Stateless, fbeta_score, lambda model, batch, task_loss=None: 0):
        assert own_settings(own, "mine") == {}


def test_a_setting_that_cannot_be_recorded_is_refused_unless_it_changes_no_result():
    lock = threading.Lock()
    message = "objective mine: its scale cannot be recorded .*lock.*; write a dataclass, with field.compare=False."
    for own in (Plain(lock), Fields(lock), functools.partial(scaled, scale=[lock])):
        with pytest.raises(UserError, match=message):
            ObjectiveSpec.of(own, "mine")
    assert ObjectiveSpec.of(Fields(1.0, lock), "mine").settings == {"scale": 1.0, "class_pairs": False}


def test_the_arguments_of_a_measure_are_part_of_it():
    one, two = (
        settings_of_measures(read_measures({"f": functools.partial(fbeta_score, beta=beta)})) for beta in (1, 2)
    )
    assert (one["f"]["settings"], two["f"]["settings"]) == ({"beta": 1}, {"beta": 2})


CELLS = {
    "function": "def f(model, batch, task_loss=None):\n    return {}",
    "lambda": "f = lambda model, batch, task_loss=None: {}",
    "class": "class C:\n    def __call__(self, model, batch, task_loss=None):\n        return {}\nf = C()",
    "attribute": "class C:\n    scale = {}\n    def __call__(self, *given):\n        return self.scale\nf = C()",
    "inner": "class C:\n    def __call__(self, *given):\n        return (lambda: {})()\nf = C()",
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_what_a_notebook_defines_is_known_by_its_code(cell):
    shell, sources = InteractiveShell(), []
    for text in (cell.format(1), f"{cell.format(1)}; seeds = 2", cell.format(2)):
        assert shell.run_cell(text).success
        sources.append(ObjectiveSpec.of(shell.user_ns["f"], "mine").source)
    assert all(source["sha256"] and not source["file"] for source in sources)
    assert sources[0] == sources[1] != sources[2]


def test_an_attribute_of_a_called_object_is_not_hidden_by_an_argument_of_that_name():
    one, two = (functools.partial(Plain(scale), scale=3.0) for scale in (1.0, 2.0))
    assert own_settings(one, "mine") != own_settings(two, "mine")


def test_values_that_json_lacks_are_recorded_as_texts():
    assert own_settings(functools.partial(scaled, scale=float("nan")), "mine") == {"scale": "nan"}
    assert own_settings(functools.partial(scaled, scale=json), "mine") == {"scale": "json"}


def test_the_name_of_a_row_has_the_fields_of_a_dataclass_alone():
    assert [ObjectiveSpec.of(own).name for own in (Fields(2.0), Plain("a | b"))] == ["Fields(scale=2.0)", "Plain"]
