"""What a process that was killed leaves: only a whole checkpoint is continued, and a trained model is only scored."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from cmploss.errors import UserError
from cmploss.studies import run_one
from cmploss.studies.run import finish
from cmploss.training.checkpoints import newest_whole
from tests.studies.test_run import Watch, outcome


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "config.json")


@pytest.fixture(scope="module")
def saving(config_of):
    """A run that writes a checkpoint every 3 steps."""
    return lambda **options: config_of(save_strategy="steps", save_steps=3, **options)


@pytest.fixture(scope="module")
def whole(task, saving, tmp_path_factory):
    """The uninterrupted run, the weights at its end, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    finished = run_one(saving(), task, folder)
    return finished.record, torch.nn.utils.parameters_to_vector(finished.model.parameters()), folder


def copy_of(folder, to, steps):
    """The folder of a run that was killed when it had these checkpoints."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    for path in to.glob("checkpoint-*"):
        if int(path.name.split("-")[1]) not in steps:
            shutil.rmtree(path)
    (to / "seconds.json").unlink()


@pytest.mark.parametrize("harm", [truncate, empty, remove])
@pytest.mark.parametrize("file", FILES)
def test_what_is_no_whole_checkpoint(whole, tmp_path, file, harm):
    copy_of(whole[2], tmp_path, (3, 6))
    assert newest_whole(tmp_path, 12)[0].step == 6  # control
    if (file, harm) == ("config.json", remove):
        return  # the Trainer does not read it
    harm(tmp_path / "checkpoint-6" / file)
    found, faults = newest_whole(tmp_path, 12)
    assert (found.step, len(faults)) == (3, 1)
    assert f"{tmp_path / 'checkpoint-6'} is not whole (" in faults[0]
    shutil.rmtree(tmp_path / "checkpoint-3")
    assert newest_whole(tmp_path, 12)[0] is None


def test_flipped_bits_are_found(whole, tmp_path):
    copy_of(whole[2], tmp_path, (6,))
    path = tmp_path / "checkpoint-6" / "optimizer.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :: 64] = [byte ^ 1 for byte in content[len(content) // 2 :: 64]]  # not in padding alone
    path.write_bytes(content)
    assert newest_whole(tmp_path, 12)[0] is None


@pytest.mark.parametrize("method", [8, 12, 14, 99], ids=["deflate", "bzip2", "lzma", "unknown"])
def test_archives_that_claim_to_be_compressed_are_damaged(whole, tmp_path, method):
    copy_of(whole[2], tmp_path, (6,))
    path = tmp_path / "checkpoint-6" / "optimizer.pt"
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):  # an entry's own header and the directory
        at = content.index(signature) + place
        content[at : at + 2] = method.to_bytes(2, "little")
    path.write_bytes(content)
    assert newest_whole(tmp_path, 12)[0] is None


class Poisoned:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("file", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"])
@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_poisoned_checkpoint_runs_nothing(whole, task, saving, tmp_path, monkeypatch, caplog, file, save):
    monkeypatch.chdir(tmp_path)
    copy_of(whole[2], tmp_path / "run", (6, 9))
    save([Poisoned()], tmp_path / "run" / "checkpoint-9" / file)
    run_one(saving(), task, tmp_path / "run")
    assert not (tmp_path / "ran").exists()
    notes = [line for line in caplog.text.splitlines() if "checkpoint-9 is not whole" in line]
    assert len(notes) == (file != "training_args.bin" or save is not torch.save)
    assert not notes or f"{file} holds" in notes[0] or "is not a zip file" in notes[0]


@pytest.mark.parametrize(("steps", "left"), [((3, 6), 9), ((6,), 12)])
def test_a_run_continues_from_the_one_before_or_from_the_start(whole, task, saving, tmp_path, steps, left, caplog):
    copy_of(whole[2], tmp_path, steps)
    truncate(tmp_path / "checkpoint-6" / "optimizer.pt")
    watch = Watch()
    again = run_one(saving(), task, tmp_path, callbacks=[watch])
    assert len(watch.batches) == left
    assert "checkpoint-6 is not whole" in caplog.text
    assert outcome(again.record)["predictions"] == outcome(whole[0])["predictions"]
    assert torch.equal(torch.nn.utils.parameters_to_vector(again.model.parameters()), whole[1])


def test_a_run_with_its_last_checkpoint_trains_no_further_step(whole, task, saving, tmp_path):
    copy_of(whole[2], tmp_path, (9, 12))
    watch = Watch()
    again = run_one(saving(), task, tmp_path, callbacks=[watch])
    assert watch.batches == []
    assert outcome(again.record) == outcome(whole[0])
    assert torch.equal(torch.nn.utils.parameters_to_vector(again.model.parameters()), whole[1])


def test_a_run_that_failed_in_scoring_is_only_scored_again(task, config_of, tmp_path, monkeypatch):
    reference = run_one(config_of(), task, tmp_path / "reference").record
    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(type(task), "results", lambda *_: (_ for _ in ()).throw(MemoryError("too large")))
        with pytest.raises(MemoryError):
            run_one(config_of(), task, folder)
    seconds = json.loads((folder / "seconds.json").read_text())["seconds"]
    watch = Watch()
    again = run_one(config_of(), task, folder, callbacks=[watch])
    assert watch.batches == []
    assert outcome(again.record) == outcome(reference)
    assert again.record.cost["seconds"] == seconds
    finish(again.record, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["record.json", "settings.json"]


def test_the_best_model_is_scored_again_also_in_a_folder_that_was_moved(task, config_of, tmp_path, monkeypatch):
    options = {
        "eval_strategy": "steps",
        "eval_steps": 3,
        "save_strategy": "steps",
        "save_steps": 3,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": True,  # so that it is not the last one
    }
    reference = run_one(config_of(**options), task, tmp_path / "reference")
    weights = torch.nn.utils.parameters_to_vector(reference.model.parameters())
    with monkeypatch.context() as patched:
        patched.setattr(type(task), "results", lambda *_: (_ for _ in ()).throw(MemoryError("too large")))
        with pytest.raises(MemoryError):
            run_one(config_of(**options), task, tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    again = run_one(config_of(**options), task, tmp_path / "moved")
    assert again.record.predictions == reference.record.predictions
    assert torch.equal(torch.nn.utils.parameters_to_vector(again.model.parameters()), weights)


def test_a_disk_without_room_is_found_before_training(task, config_of, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    watch = Watch()
    with pytest.raises(UserError, match=r"0 MB are free on the disk, and the run needs"):
        run_one(config_of(), task, tmp_path, callbacks=[watch])
    assert watch.batches == []
