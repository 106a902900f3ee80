"""The options read from the source of transformers are those that TrainingArguments has."""

from dataclasses import MISSING, fields
from enum import Enum
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
from transformers import TrainingArguments

from cmploss.errors import UserError
from cmploss.training_options import OWN_OPTIONS, check_training, training_options as all_options

FIELDS = {field.name: field for field in fields(TrainingArguments) if field.init}
HINTS = get_type_hints(TrainingArguments)
OWN = ["class_weights", "early_stopping_patience"]
ONLY_OBJECTS = {"parallelism_config"}  # cannot be written as text


def training_options():
    return {name: option for name, option in all_options().items() if name not in OWN}


def members(hint):
    return (get_args(hint) or (hint,)) if get_origin(hint) not in (list, dict) else (hint,)


def test_the_names_and_their_order():
    assert list(training_options()) == [name for name in FIELDS if name not in ONLY_OBJECTS]


def test_our_own_are_no_fields_of_transformers():
    assert list(OWN_OPTIONS) == OWN == list(all_options())[-2:]
    assert not set(OWN) & set(FIELDS)


def test_the_kinds():
    wrong = []
    for name, option in training_options().items():
        kinds = members(HINTS[name])
        if choices := get_args(option.kind):
            enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum)]
            allowed = [each.value for each in enums[0]] if enums else FIELDS[name].metadata["choices"]
            right = get_origin(option.kind) is Literal and list(choices) == list(allowed)
        else:
            right = any(option.kind in (kind, get_origin(kind)) for kind in kinds)
            right &= not any(isinstance(kind, type) and issubclass(kind, Enum) for kind in kinds)
        wrong += [] if right else [name]
    assert wrong == []


def test_the_defaults():
    """None stands for a default that the source computes."""
    known = {name: option.default for name, option in training_options().items() if option.default is not None}
    assert len(known) > 60
    defaults = {name: FIELDS[name].default for name in known}
    assert {name: getattr(value, "value", value) for name, value in defaults.items()} == known
    computed = [name for name, field in FIELDS.items() if name not in known and field.default not in (None, MISSING)]
    assert set(computed) <= {"optim", "lr_scheduler_type"}


def test_kinds_by_example():
    kinds = {name: option.kind for name, option in training_options().items()}
    assert kinds["learning_rate"] is float
    assert kinds["max_steps"] is int
    assert kinds["tf32"] is bool
    assert kinds["label_names"] is list
    assert kinds["lr_scheduler_kwargs"] is str  # JSON, which TrainingArguments reads itself
    assert kinds["liger_kernel_config"] is dict
    assert kinds["eval_strategy"] == Literal["no", "steps", "epoch"]


def test_without_transformers(monkeypatch):
    monkeypatch.setattr("cmploss.training_options.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="transformers is not installed"):
        all_options.__wrapped__()


def test_what_scores_need_cannot_be_turned_off():
    check_training({"eval_do_concat_batches": True})
    with pytest.raises(UserError, match="--eval_do_concat_batches false is not supported: scores are computed over"):
        check_training({"eval_do_concat_batches": False})
