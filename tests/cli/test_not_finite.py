"""A run that diverges has failed: it has no score, no checkpoint and no part in a table."""

import json

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from tests.cli.test_commands import TINY

DATA = f"{TINY} --train_file train.csv --max_steps 8 --output_dir out".replace("1e-2", "1e30")


def test_train_fails_in_two_lines(cmploss, workplace):
    status, out, error = cmploss(f"train {DATA} --objective supervised")
    assert (status, out) == (1, "")
    first, second = (line for line in error.splitlines() if line and not line.startswith("note:"))
    assert first.startswith("supervised seed 0 failed: loss is not finite at step ")
    assert first.endswith("; give a smaller --learning_rate")
    assert second == "Run the same command again to retry; out/failed.json has the traceback."
    found = json.loads((workplace / "out" / "failed.json").read_text())
    assert found["error"] in first
    assert sorted(path.name for path in (workplace / "out").iterdir()) == ["failed.json", "settings.json"]


def test_a_study_names_such_runs_and_has_no_best(cmploss, workplace):
    status, out, error = cmploss(f"compare {DATA} --objectives supervised,comparative --seeds 2")
    assert status == 1
    assert error.count("loss is not finite at step") == 4
    assert "Best run" not in out
    assert not list(workplace.glob("out/**/record.json"))
    assert not (workplace / "out" / "best").exists()


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_checkpoint_with_such_weights_is_refused(cmploss, refused, workplace, command, tmp_path):
    model = AutoModelForSequenceClassification.from_pretrained("models/classifier")
    model.classifier.bias.data[0] = torch.nan
    model.save_pretrained(tmp_path / "diverged")
    assert refused(f"{command} --model diverged --test_file train.csv", ["model diverged: the weights classifier.bias"])


@pytest.mark.parametrize("option", ["logging_nan_inf_filter", "save_only_model", "auto_find_batch_size"])
def test_options_that_would_hide_it(refused, option):
    assert refused(f"train {DATA} --{option} true", [f"--{option} is not supported: "])
