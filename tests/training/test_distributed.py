"""Two processes give the gradient and the logged parts of one process on the same global batch."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cmploss.training.checkpoints import newest_whole
from tests.local_generator import save_generator
from tests.local_questions import segmented
from tests.tasks.rag.test_rag_task import write
from tests.training.distributed_step import GENERATOR

ROOT = Path(__file__).parents[2]


KINDS = {"tags": "two_pass", "labels": "joint", "choices": "two_pass", "rerank": "two_pass", "lora": "two_pass"}
"""Steps of other heads and of LoRA -> engine."""
ALONE = [(kind, 32, 1, "joint") for kind in ("plain", "own", "pooled", "layers", *KINDS)]
ALONE += [("views", 7, 1, "joint"), ("contrast", 10, 1, "joint"), ("rag", 8, 1, "joint")]
TOGETHER = [("plain", 8, 2, "joint"), ("own", 8, 2, "two_pass"), ("pooled", 8, 2, "two_pass")]
TOGETHER += [(kind, 8, 2, engine) for kind, engine in KINDS.items()]
TOGETHER += [("layers", 8, 2, "joint"), ("layers", 8, 2, "two_pass"), ("terminated", 8, 2, "joint")]
# accelerate repeats a question, and two examples, so that both processes have equally large batches.
TOGETHER += [("views", 2, 2, "two_pass"), ("contrast", 6, 1, "joint"), ("contrast", 6, 1, "two_pass")]
TOGETHER += [("rag", 4, 1, "joint"), ("rag", 2, 2, "two_pass")]


def launch(folder, jobs, processes):
    write(Path(save_generator(folder / GENERATOR, "qwen")) / "train.jsonl", segmented(40))
    script = ["-m", "tests.training.distributed_step", str(folder), json.dumps(jobs)]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    done = subprocess.run(
        [sys.executable, *launcher, *script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Steps of one process and of two, by kind and engine; all of them in one launch, which takes most of the time."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    launch(one, ALONE, processes=1)
    launch(two, TOGETHER, processes=2)
    alone = {path.stem: torch.load(path) for path in one.glob("*.pt")}
    return lambda kind, engine: (alone.get(f"{kind}-joint", two), torch.load(two / f"{kind}-{engine}.pt"))


@pytest.mark.parametrize(
    ("kind", "engine"), [("plain", "joint"), ("own", "two_pass"), ("pooled", "two_pass"), *KINDS.items()]
)
def test_two_processes_equal_one(steps, kind, engine):
    one, two = steps(kind, engine)
    assert one["gradient"].norm() > 1e-2
    assert kind != "own" or one["gradient"][0].abs() > 1e-4  # of the temperature, which the loss alone reads
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_full", "loss_drop1", "loss_drop2")
    (expected,), (found,) = one["logs"], two["logs"]
    assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-5)


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_two_processes_with_fewer_layers_equal_one(steps, engine):
    one, two = steps("layers", engine)
    assert one["gradient"].norm() > 1e-2
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_full", "loss_layers2", "loss_layers2_drop1", "loss_layers1_drop1")
    (expected,), (found,) = one["logs"], two["logs"]
    assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-5)


def test_two_processes_leave_out_questions_and_crop_anew_in_every_epoch(steps):
    one, two = steps("views", "two_pass")
    assert one["gradient"].norm() > 1e-2
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(two["parameters"], one["parameters"], rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_dropout", "loss_crop1_dropout", "penalty", "violation_rate", "ignored_fraction")
    for found, expected in zip(two["logs"], one["logs"], strict=True):
        assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-4)
    assert [entry["ignored_fraction"] for entry in one["logs"]] == pytest.approx([4 / 7, 4 / 7])


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_two_processes_train_a_language_model_with_crops_as_one_does(steps, engine):
    one, two = steps("rag", engine)
    assert one["gradient"].norm() > 1e-2
    assert len(one["logs"]) == 5
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    assert (two["parameters"] - one["parameters"]).abs().max() < 1e-5
    names = ("loss", "loss_dropout", "loss_crop1_dropout", "penalty", "violation_rate")
    for found, expected in zip(two["logs"], one["logs"], strict=True):
        assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-4)


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_two_processes_contrast_the_examples_of_both(steps, engine):
    one, two = steps("contrast", engine)
    assert one["gradient"].norm() > 1e-2
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_full", "contrastive")
    (expected,), (found,) = one["logs"], two["logs"]
    assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-5)
    assert expected["contrastive"] > 0.1


def test_a_signal_to_one_process_stops_all_after_a_checkpoint(steps):
    folder, found = steps("terminated", "joint")
    assert (found["signal"], found["steps"]) == (signal.SIGTERM, 2)
    assert newest_whole(folder / "terminated", 6)[0].step == 2
