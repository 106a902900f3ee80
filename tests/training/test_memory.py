"""What keep_freed_memory does ends with the process: it is looked at in processes of their own."""

import platform
import subprocess
import sys

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from cmploss import ObjectiveTrainer, Supervised
from cmploss.training import callbacks
from cmploss.training.callbacks import KeepFreedMemory, StepProgress
from cmploss.training.memory import keep_freed_memory, return_freed_memory
from tests.tiny import model_of
from tests.training.helpers import arguments, examples_of

PAGES = (64 << 20) // 4096
FAULTS_OF_BLOCKS = """
import resource, sys
import torch
from cmploss.training.memory import keep_freed_memory, return_freed_memory

if "keep" in sys.argv:
    assert keep_freed_memory()
faults = []
for _ in range(10):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(1 << 24)  # 64 MiB, freed at once
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    if "return" in sys.argv:
        assert return_freed_memory()
print(min(faults))
"""

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


@glibc_only
@pytest.mark.parametrize(
    ("words", "fewest", "most"),
    # Without the call a fault per page, or per 512 where the system joins pages. With it, a few blocks may find no hole
    # that also fits their alignment; the next ones do.
    [(["keep"], 0, 50), ([], PAGES // 512, 2 * PAGES), (["keep", "return"], PAGES // 512, 2 * PAGES)],
)
def test_freed_blocks_are_used_again_without_asking_for_their_pages(words, fewest, most):
    script = [sys.executable, "-c", FAULTS_OF_BLOCKS, *words]
    faults = int(subprocess.run(script, check=True, capture_output=True, text=True).stdout)
    assert fewest <= faults <= most


def test_only_glibc_can_be_told(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
    assert return_freed_memory() is False


@pytest.fixture
def done(monkeypatch):
    """What the callback asked for, in order."""
    calls = []
    monkeypatch.setattr(callbacks, "keep_freed_memory", lambda: calls.append("keep"))
    monkeypatch.setattr(callbacks, "return_freed_memory", lambda: calls.append("return"))
    return calls


def test_training_on_a_cpu_keeps_memory_and_returns_it(done, tmp_path):
    seen = []
    trainer = ObjectiveTrainer(
        model=model_of(), args=arguments(tmp_path, max_steps=1), train_dataset=examples_of(), objective=Supervised()
    )
    trainer.add_callback(StepProgress(lambda steps: seen.append((steps, *done))))
    trainer.train()
    assert seen == [(0, "keep"), (1, "keep")]
    assert done == ["keep", "return"]


def test_another_device_is_left_alone(done, tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingArguments, "device", torch.device("meta"))
    settings = TrainingArguments(str(tmp_path), report_to="none"), TrainerState(), TrainerControl()
    KeepFreedMemory().on_train_begin(*settings)
    KeepFreedMemory().on_train_end(*settings)
    assert done == []
