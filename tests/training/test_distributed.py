"""Two processes give the gradient and the logged parts of one process on the same global batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def step(folder, kind, processes, per_process, accumulate=1, engine="joint"):
    folder.mkdir()
    script = ["-m", "tests.training.distributed_step", str(folder), kind, str(per_process), str(accumulate), engine]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    done = subprocess.run(
        [sys.executable, *launcher, *script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(folder / "step.pt")


@pytest.mark.parametrize(("kind", "engine"), [("plain", "joint"), ("own", "two_pass"), ("pooled", "two_pass")])
def test_two_processes_equal_one(tmp_path, kind, engine):
    one = step(tmp_path / "one", kind, processes=1, per_process=32)
    two = step(tmp_path / "two", kind, processes=2, per_process=8, accumulate=2, engine=engine)
    assert one["gradient"].norm() > 1e-2
    assert kind != "own" or one["gradient"][0].abs() > 1e-4  # of the temperature, which the loss alone reads
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_full", "loss_drop1", "loss_drop2")
    (expected,), (found,) = one["logs"], two["logs"]
    assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-5)


def test_two_processes_leave_out_questions_and_crop_anew_in_every_epoch(tmp_path):
    one = step(tmp_path / "one", "views", processes=1, per_process=8)
    two = step(tmp_path / "two", "views", processes=2, per_process=2, accumulate=2, engine="two_pass")
    assert one["gradient"].norm() > 1e-2
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(two["parameters"], one["parameters"], rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_dropout", "loss_crop1_dropout", "penalty", "violation_rate", "ignored_fraction")
    for found, expected in zip(two["logs"], one["logs"], strict=True):
        assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-4)
    assert [entry["ignored_fraction"] for entry in one["logs"]] == [0.5, 0.5]


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_two_processes_contrast_the_examples_of_both(tmp_path, engine):
    one = step(tmp_path / "one", "contrast", processes=1, per_process=10)
    two = step(tmp_path / "two", "contrast", processes=2, per_process=5, engine=engine)
    assert one["gradient"].norm() > 1e-2
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_full", "contrastive")
    (expected,), (found,) = one["logs"], two["logs"]
    assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-5)
    assert expected["contrastive"] > 0.1
