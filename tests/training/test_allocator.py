"""What keep_freed_memory does ends with the process: it is looked at in processes of their own."""

import platform
import subprocess
import sys

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from cmploss.training import callbacks
from cmploss.training.allocator import keep_freed_memory, return_freed_memory
from cmploss.training.callbacks import KeepFreedMemory

PAGES = (64 << 20) // 4096
FAULTS_OF_A_SECOND_BLOCK = """
import resource, sys
import torch
from cmploss.training.allocator import keep_freed_memory, return_freed_memory

if "keep" in sys.argv:
    assert keep_freed_memory()
torch.ones(1 << 24)  # 64 MiB, freed at once
if "return" in sys.argv:
    assert return_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


@glibc_only
@pytest.mark.parametrize(
    ("words", "fewest", "most"),
    # Without the call a fault per page, or per 512 where the system joins pages.
    [(["keep"], 0, 50), ([], PAGES // 512, 2 * PAGES), (["keep", "return"], PAGES // 512, 2 * PAGES)],
)
def test_a_freed_block_is_used_again_without_asking_for_its_pages(words, fewest, most):
    script = [sys.executable, "-c", FAULTS_OF_A_SECOND_BLOCK, *words]
    faults = int(subprocess.run(script, check=True, capture_output=True, text=True).stdout)
    assert fewest <= faults <= most


def test_only_glibc_can_be_told(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
    assert return_freed_memory() is False


@pytest.mark.parametrize(("device", "expected"), [("cpu", ["keep", "return"]), ("meta", [])])
def test_training_on_a_cpu_keeps_memory_and_returns_it(device, expected, tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(callbacks, "keep_freed_memory", lambda: done.append("keep"))
    monkeypatch.setattr(callbacks, "return_freed_memory", lambda: done.append("return"))
    monkeypatch.setattr(TrainingArguments, "device", torch.device(device))
    arguments = TrainingArguments(str(tmp_path), report_to="none")
    callback = KeepFreedMemory()
    callback.on_train_begin(arguments, TrainerState(), TrainerControl())
    assert done == expected[:1]
    callback.on_train_end(arguments, TrainerState(), TrainerControl())
    assert done == expected
