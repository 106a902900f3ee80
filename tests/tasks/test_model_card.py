"""The model card says what others can use: no path of this machine, no markup of a label."""

import pytest
import yaml

from cmploss.tasks.model_card import classifier_card
from tests.reports.runs import record_of


def card_of(model, labels=("a", "b")):
    record = record_of(
        "supervised",
        0,
        80.0,
        settings={"model": model, "training": {}},
        cost={"seconds": 1.0, "steps": 10.0, "passes_per_step": 1.0},
    )
    record.data["label_names"] = list(labels)
    return classifier_card(record)


@pytest.mark.parametrize(("folder", "expected"), [(True, None), (False, "org/bert")])
def test_the_base_model_is_one_of_the_hub(tmp_path, folder, expected):
    card = card_of(str(tmp_path) if folder else "org/bert")
    assert yaml.safe_load(card.split("---")[1]).get("base_model") == expected


def test_label_names_are_text():
    card = card_of("org/bert", ["<img src=x>", "two\nlines\t& more"])
    assert "\n\nLabels: &lt;img src=x&gt;, two lines &amp; more\n" in card
