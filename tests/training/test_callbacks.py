"""The order of the batches, the progress of a run, and Ctrl-C."""

import signal
import threading
from types import SimpleNamespace

import pytest
import torch
from transformers import TrainerControl, TrainerState
from transformers.trainer_pt_utils import LengthGroupedSampler

from cmploss.training.callbacks import EpochOfData, SaveOnInterrupt, StepProgress
from cmploss.training.sampler import EpochLengthGroupedSampler, EpochRandomSampler

LENGTHS = [3, 9, 4, 8, 5, 7, 6, 6, 2, 10] * 20


def test_batches_have_similar_lengths_and_every_example_once():
    found = list(EpochLengthGroupedSampler(4, lengths=LENGTHS, seed=0))
    assert sorted(found) == list(range(200))
    batches = [[LENGTHS[index] for index in found[start : start + 4]] for start in range(0, 200, 4)]
    spread = sum(max(batch) - min(batch) for batch in batches) / len(batches)
    assert spread < 1  # at random it is about 5
    assert max(LENGTHS) in batches[0]  # the longest first: the first batch needs the most memory


def test_without_our_sampler_the_global_generator_would_decide():
    """Negative control: the parent draws from torch's global generator."""
    sampler = LengthGroupedSampler(4, lengths=LENGTHS)
    torch.manual_seed(0)
    first = list(sampler)
    torch.manual_seed(1)
    assert list(sampler) != first


def test_the_epoch_reaches_the_innermost_sampler():
    """As accelerate wraps it on several processes: a batch sampler in a batch sampler."""
    sampler = EpochRandomSampler(8, seed=0)
    inner = SimpleNamespace(sampler=sampler)
    loader = SimpleNamespace(dataset=[], batch_sampler=SimpleNamespace(batch_sampler=inner), sampler=None)
    EpochOfData().on_epoch_begin(None, TrainerState(epoch=2.25), TrainerControl(), train_dataloader=loader)
    assert sampler.epoch == 2


def test_progress_counts_steps_and_those_of_a_resumed_run():
    told = []
    progress = StepProgress(told.append)
    progress.on_train_begin(None, TrainerState(global_step=7), TrainerControl())
    progress.on_step_end(None, TrainerState(global_step=8), TrainerControl())
    progress.on_step_end(None, TrainerState(global_step=9), TrainerControl())
    assert told == [7, 1, 1]


def test_ctrl_c_is_given_back_after_an_exception():
    handler = signal.getsignal(signal.SIGINT)
    save = SaveOnInterrupt()
    inside = []

    def fail():
        inside.append(signal.getsignal(signal.SIGINT))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), save:
        fail()
    assert inside != [handler]
    assert signal.getsignal(signal.SIGINT) is handler
    assert save.signal == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("step", "stops"), [(3, True), (10, False)])
def test_a_signal_saves_and_stops_unless_the_run_is_finished_anyway(step, stops, number):
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    control, one = TrainerControl(), SimpleNamespace(world_size=1, save_total_limit=None)
    with SaveOnInterrupt() as save:
        save.on_step_end(one, TrainerState(global_step=2, max_steps=10), control)
        assert (control.should_save, control.should_training_stop) == (False, False)
        signal.raise_signal(number)
        assert save.signal == number
        # The next one is the system's, whichever it is.
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
        save.on_step_end(one, TrainerState(global_step=step, max_steps=10), control)
    assert (control.should_save, control.should_training_stop) == (stops, stops)


def test_a_thread_that_may_not_take_ctrl_c_leaves_it_alone():
    handler = signal.getsignal(signal.SIGINT)
    inside = []

    def train():
        with SaveOnInterrupt():
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert inside == [handler]
    assert signal.getsignal(signal.SIGINT) is handler
