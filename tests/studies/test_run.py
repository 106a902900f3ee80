"""One run: how long it is, what it holds constant, and that interrupting or repeating it changes nothing."""

import json
import math
import signal
import time
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForSequenceClassification, TrainerCallback

from cmploss.errors import UserError
from cmploss.experiment.run_dir import check_folder
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.objectives import OBJECTIVES
from cmploss.studies import RunConfig, run_one
from cmploss.studies.run import Interrupted, check_run, finish
from cmploss.studies.run_notes import notes_on
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask
from cmploss.training.callbacks import StepProgress
from tests.local_model import NO_DROPOUT, reviews, save_encoder

STEPS = [
    # 100 examples, 16 to a batch: 7 batches an epoch, the last one smaller
    (100, {}, 100),  # 3 epochs would be 21 steps: at least 100
    (1600, {}, 300),  # 3 epochs of 100
    (528, {}, 100),  # 3 epochs of 33 are 99
    (529, {}, 102),
    (1600, {"num_train_epochs": 1}, 100),
    (100, {"num_train_epochs": 2}, 14),  # asked for: no minimum
    (100, {"num_train_epochs": 0.5}, 4),  # 3.5
    (100, {"max_steps": 5, "num_train_epochs": 9}, 5),  # as in transformers, steps win
    (1600, {"max_steps": -1}, 300),  # transformers' way to say "not set"
    (1600, {"gradient_accumulation_steps": 4, "num_train_epochs": 1}, 25),
    (100, {"gradient_accumulation_steps": 4, "num_train_epochs": 1}, 2),  # 4 + 3 batches
    (100, {"per_device_train_batch_size": 100, "num_train_epochs": 6}, 6),
]


class Watch(TrainerCallback):
    """Keeps the weights at the start, the batches in their order, and the number of forward passes."""

    def __init__(self):
        self.batches = []
        self.passes = 0

    def on_train_begin(self, args, state, control, model=None, **_):
        self.weights = {name: value.clone() for name, value in model.state_dict().items()}
        self._hook = model.register_forward_pre_hook(self._see, with_kwargs=True)

    def on_train_end(self, args, state, control, **_):
        self._hook.remove()

    def _see(self, module, args, inputs):
        self.passes += 1
        batch = inputs["input_ids"].tolist()
        if not self.batches or self.batches[-1] != batch:  # several passes of one batch count once
            self.batches.append(batch)


class PressCtrlC(TrainerCallback):
    def __init__(self, step, times=1):
        self.step = step
        self.times = times

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.step:
            for _ in range(self.times):
                before = signal.getsignal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                while signal.getsignal(signal.SIGINT) is before:  # handled before it is pressed again
                    time.sleep(0.01)


class Crash(TrainerCallback):
    """The process ends without a signal that it could handle."""

    def __init__(self, step):
        self.step = step

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.step:
            raise MemoryError


def outcome(record):
    """What two equal runs must agree on: everything but time and memory."""
    cost = {name: value for name, value in record.cost.items() if name in ("steps", "passes_per_step")}
    fields = {name: value for name, value in vars(record).items() if name not in ("cost", "created", "environment")}
    return {**fields, "cost": cost}


@pytest.fixture(scope="module")
def whole(task, config_of, tmp_path_factory):
    """An uninterrupted run, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return run_one(config_of(), task, folder), folder


@pytest.mark.parametrize(("examples", "training", "expected"), STEPS)
def test_number_of_steps(examples, training, expected):
    assert RunConfig(ObjectiveSpec.parse("supervised"), training=training).steps(examples) == expected


def test_the_trainer_agrees_on_the_number_of_steps(task, config_of, tmp_path):
    config = config_of(max_steps=-1, num_train_epochs=2, gradient_accumulation_steps=4)
    record = run_one(config, task, tmp_path).record
    assert record.cost["steps"] == 4  # 42 examples: 6 batches of 8, 2 steps an epoch
    assert record.settings["training"]["max_steps"] == 4
    assert record.history[-1]["epoch"] == 2


def test_record_of_a_run(whole, task):
    record = whole[0].record
    assert (record.benchmark.task, record.name, record.seed, record.condition.train_size) == (
        "data",
        "comparative",
        0,
        None,
    )
    assert (record.cost["steps"], record.cost["passes_per_step"]) == (12, 2)
    assert record.cost["seconds_per_step"] == pytest.approx(record.cost["seconds"] / 12)
    assert (record.benchmark.selection_split, record.benchmark.eval_split) == (None, "test")
    assert record.data["label_names"] == ["bad", "good"]
    sizes = {part: described["examples"] for part, described in record.data["splits"].items()}
    assert sizes == {"train": 42, "validation": 6, "test": 12}
    assert {part: d["sha256"] for part, d in record.data["splits"].items()} == task.data.fingerprints()
    for part, size in (("validation", 6), ("test", 12)):
        predicted = record.predictions[part]
        assert predicted["labels"] == list(getattr(task.data, part)["label"])
        right = sum(a == b for a, b in zip(predicted["labels"], predicted["predictions"], strict=True))
        assert record.score(part, "accuracy") == pytest.approx(100 * right / size)
        assert [int(p[1] > p[0]) for p in predicted["probabilities"]] == predicted["predictions"]
    assert [point["step"] for point in record.history] == [4, 8, 12]
    for point in record.history:
        assert {"loss", "loss_full", "loss_drop1", "penalty", "violation_rate"} <= point.keys()
        assert 0 <= point["violation_rate"] <= 1


def test_the_run_has_learnt(whole):
    """Canary for every comparison of runs here: they are not all at chance."""
    assert whole[0].record.score("test", "accuracy") >= 75
    losses = [point["loss"] for point in whole[0].record.history]
    assert losses[-1] < losses[0]


def test_weights_without_the_optimizer_are_left_behind_until_it_is_finished(whole):
    assert sorted(path.name for path in whole[1].iterdir()) == ["checkpoint-12", "seconds.json", "settings.json"]
    kept = {path.name for path in (whole[1] / "checkpoint-12").iterdir()}
    assert {"model.safetensors", "trainer_state.json"} <= kept
    assert not kept & {"optimizer.pt", "scheduler.pt", "rng_state.pth"}
    assert json.loads((whole[1] / "settings.json").read_text()) == whole[0].record.settings


def test_repeating_a_run_gives_the_same_record(whole, task, config_of, tmp_path):
    torch.rand(7)  # nothing may depend on the state of the generators outside
    again = run_one(config_of(), task, tmp_path).record
    assert outcome(again) == outcome(whole[0].record)
    other = run_one(config_of(seed=1), task, tmp_path / "other").record
    assert other.predictions != again.predictions


@pytest.mark.parametrize("step", [3, 7])  # in the first and in the second epoch
def test_an_interrupted_run_continues_to_the_same_result(whole, task, config_of, tmp_path, step):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted):
        run_one(config_of(), task, tmp_path, callbacks=[PressCtrlC(step)])
    assert signal.getsignal(signal.SIGINT) is handler
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"checkpoint-{step + 1}",
        "seconds.json",
        "settings.json",
    ]
    known = json.loads((tmp_path / "seconds.json").read_text())
    assert known["step"] == step + 1
    seconds, watch = known["seconds"], Watch()
    resumed = run_one(config_of(), task, tmp_path, callbacks=[watch])
    assert len(watch.batches) == 12 - (step + 1)  # it did not start again
    assert outcome(resumed.record) == outcome(whole[0].record)
    assert resumed.record.cost["seconds"] > seconds  # of both sessions
    finish(resumed.record, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record.json", "settings.json"]


@pytest.mark.parametrize(("end", "steps"), [(PressCtrlC(4), [5, 1]), (PressCtrlC(5), []), (Crash(5), [4, 1, 1])])
def test_a_continued_run_keeps_its_patience_and_its_newest_checkpoint(task, config_of, tmp_path, end, steps):
    """All scores are equal: the first evaluation is the best, and the third is the second without a better one."""
    options = {"early_stopping_patience": 2, "learning_rate": 1e-9, "eval_steps": 2, "save_steps": 2}
    config = config_of("supervised", **options)
    expected = run_one(config, task, tmp_path / "whole").record
    assert expected.data["notes"][-1] == "Training stopped at step 6 of 12: 2 evaluations without a better score."
    with pytest.raises((Interrupted, MemoryError)):
        run_one(config, task, tmp_path / "run", callbacks=[end])
    told = []
    found = run_one(config, task, tmp_path / "run", callbacks=[StepProgress(told.append)]).record
    assert told == steps
    assert (found.predictions, found.data, found.cost["steps"]) == (expected.predictions, expected.data, 6)


@pytest.mark.parametrize("way", [{"early_stopping_patience": 2}, {"length": {"by": "loss"}}])
@pytest.mark.parametrize(
    ("given", "larger"),
    [
        ({}, True),
        ({"metric_for_best_model": "f1_macro"}, True),
        ({"metric_for_best_model": "loss"}, False),
        ({"metric_for_best_model": "eval_loss"}, False),
        ({"metric_for_best_model": "loss", "greater_is_better": True}, True),
    ],
)
def test_the_best_checkpoint_has_the_largest_measure_or_the_smallest_loss(
    task, config_of, tmp_path, way, given, larger
):
    length = way.get("length", {})
    config = replace(config_of(**given, **({} if length else way)), length=length)
    assert config.arguments(tmp_path, 12, "accuracy").greater_is_better is larger
    assert config.settings(task)["training"]["greater_is_better"] is larger


def test_ctrl_c_in_the_last_step_finishes_the_run(whole, task, config_of, tmp_path):
    finished = run_one(config_of(), task, tmp_path, callbacks=[PressCtrlC(11)])
    assert outcome(finished.record) == outcome(whole[0].record)


def test_ctrl_c_in_the_evaluation_that_stops_a_run_finishes_it(task, config_of, tmp_path):
    class Press(TrainerCallback):
        def on_evaluate(self, args, state, control, **_):
            if state.global_step == 4:
                signal.raise_signal(signal.SIGINT)

    options = {"early_stopping_patience": 1, "learning_rate": 1e-9, "eval_steps": 2, "save_steps": 2}
    finished = run_one(config_of("supervised", **options), task, tmp_path, callbacks=[Press()])
    assert (finished.record.cost["steps"], finished.interrupted) == (4, signal.SIGINT)


def test_a_second_ctrl_c_stops_at_once(task, config_of, tmp_path):
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever ran before this test
    try:
        with pytest.raises(KeyboardInterrupt) as stopped:
            run_one(config_of(), task, tmp_path, callbacks=[PressCtrlC(3, times=2)])
    finally:
        signal.signal(signal.SIGINT, handler)
    assert stopped.type is KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_objectives_of_one_seed_share_the_head_the_examples_and_their_order(task, config_of, tmp_path):
    def watched(objective, seed):
        watch = Watch()
        run_one(
            config_of(objective, seed, few_shot=20, max_steps=6),
            task,
            tmp_path / f"{objective}{seed}",
            callbacks=[watch],
        )
        return watch

    first = {name: watched(name, 0) for name in OBJECTIVES if name not in ("lol", "distill")}  # need other data
    reference = first["supervised"]
    assert len(reference.batches) == 6
    assert reference.batches[:3] != reference.batches[3:]  # the second epoch has an order of its own
    for watch in first.values():
        assert watch.batches == reference.batches
        assert all(torch.equal(value, reference.weights[name]) for name, value in watch.weights.items())
    assert first["comparative"].passes > first["supervised"].passes  # canary: the objectives do differ
    other = watched("supervised", 1)
    assert sorted(map(str, other.batches)) != sorted(map(str, reference.batches))
    assert not torch.equal(other.weights["classifier.weight"], reference.weights["classifier.weight"])
    assert torch.equal(other.weights["bert.pooler.dense.weight"], reference.weights["bert.pooler.dense.weight"])


def test_best_model_at_end_through_the_training_options(task, config_of, tmp_path):
    config = config_of(
        eval_strategy="steps",
        eval_steps=4,
        save_strategy="steps",
        save_steps=4,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=True,  # so that it is not the last one
    )
    finished = run_one(config, task, tmp_path)
    losses = {point["step"]: point["eval_loss"] for point in finished.record.history if "eval_loss" in point}
    assert list(losses) == [4, 8, 12]
    best = max(losses, key=losses.get)
    assert best < 12
    saved = AutoModelForSequenceClassification.from_pretrained(tmp_path / f"checkpoint-{best:.0f}").state_dict()
    for name, value in finished.model.state_dict().items():
        assert torch.equal(value, saved[name])


def test_regression(encoder, config_of, tmp_path):
    rows = [{"text": row["text"], "score": float(row["label"] == "good")} for row in reviews(60)]
    task = TextTask(task_data(rows, kind="regression"), encoder, 16)
    finished = run_one(
        config_of(learning_rate=1e-2, max_steps=24, eval_strategy="steps", eval_steps=24), task, tmp_path
    )
    assert finished.model.config.num_labels == 1
    record = finished.record
    assert list(record.measures("test")) == ["pearson", "spearman"]
    assert record.score("test", "pearson") > 60
    assert record.predictions["test"]["labels"] == list(task.data.test["label"])
    assert record.predictions["test"]["probabilities"] == [[]] * 12
    evaluated = next(point for point in record.history if "eval_pearson" in point)
    assert evaluated["eval_pearson"] == pytest.approx(record.score("validation", "pearson"), abs=1e-3)


def test_a_folder_of_other_settings_is_refused_and_left_alone(whole, task, config_of):
    before = (whole[1] / "settings.json").read_bytes()
    with pytest.raises(UserError, match=r"its seed is 0, not 1; choose another folder"):
        run_one(config_of(seed=1), task, whole[1])
    assert (whole[1] / "settings.json").read_bytes() == before
    check_folder(whole[1], config_of().settings(task))  # its own settings are welcome


def test_a_model_without_dropout_is_refused_only_where_it_is_ablated(task, config_of, tmp_path):
    undropped = save_encoder(tmp_path / "model", **NO_DROPOUT)
    refused = TextTask(task.data, undropped, 16)
    config = config_of()
    config = RunConfig(
        ObjectiveSpec.parse("comparative"),
        model_config=type(config.model_config)(undropped, 16),
        training=config.training,
    )
    with pytest.raises(UserError, match=r"no active dropout .* --dropout_p 0.1"):
        check_run(config, refused)
    supervised = RunConfig(
        ObjectiveSpec.parse("no_dropout"), model_config=config.model_config, training=config.training
    )
    check_run(supervised, refused)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "training",
    [
        {"per_device_train_batch_size": 0},
        {"gradient_accumulation_steps": -1},
        {"num_train_epochs": 0},
        {"num_train_epochs": float("inf")},
        {"max_steps": 0},
        {"eval_steps": 0},
    ],
)
def test_numbers_out_of_range(training):
    name, value = next(iter(training.items()))
    with pytest.raises(UserError, match=f"--{name} {value} is out of range"):
        RunConfig(ObjectiveSpec.parse("supervised"), training=training)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"fp16": True}, r"^--fp16 needs a GPU; on a CPU give --fp16 false, or --bf16 true$"),
        ({"lr_scheduler_kwargs": "[1]"}, r"^--lr_scheduler_kwargs \[1\] is not a JSON object; write one, as in "),
        ({"bf16_full_eval": True}, r"^--bf16_full_eval is not supported: models are scored in the precision of "),
        ({"ddp_backend": "gloo"}, r"^--ddp_backend is for several processes; start with torchrun, or leave it out$"),
    ],
)
def test_options_without_effect_here(tmp_path, training, message):
    with pytest.raises(UserError, match=message):
        RunConfig(ObjectiveSpec.parse("supervised"), training=training).arguments(tmp_path, 1)


@pytest.mark.parametrize(
    ("training", "told"),
    [
        ({"num_train_epochs": 50.0}, ["--max_steps 12 sets the length, and num_train_epochs 50 has no effect."]),
        ({"num_train_epochs": 50.0, "max_steps": -1}, []),
        ({"eval_steps": 0.5}, ["--eval_steps 0.5 has no effect: eval_strategy is no, not steps."]),
        ({"eval_steps": 0.5, "early_stopping_patience": 1}, []),
        ({"logging_steps": 5}, []),
    ],
)
def test_options_without_effect_are_noted(task, config_of, training, told):
    assert list(notes_on(config_of(**training), task)) == told


def test_options_of_the_schedule_are_not_those_of_the_objective(task, config_of):
    with pytest.raises(UserError, match=r"^--optim, --lr_scheduler_type or their options: .* keyword argument 'foo'$"):
        check_run(config_of(lr_scheduler_kwargs='{"foo": 1}'), task)


def test_processes_that_would_each_train_by_themselves_are_refused(task, config_of, tmp_path, monkeypatch):
    monkeypatch.setattr("cmploss.studies.run_config.processes", lambda: 2)
    with pytest.raises(UserError, match=r"2 processes were started, but .* add --use_cpu true --ddp_backend gloo"):
        check_run(config_of(), task)
    assert list(tmp_path.iterdir()) == []


def test_steps_that_were_left_out_are_counted(task, config_of, tmp_path, monkeypatch):
    config = replace(config_of("supervised", max_steps=2), skip_nonfinite=True)
    assert config.settings(task)["skip_nonfinite"]
    record = run_one(config, task, tmp_path / "none").record
    assert "skipped_steps" not in record.data
    monkeypatch.setattr("cmploss.training.ObjectiveTrainer.skipped_steps", 1)
    record = run_one(config, task, tmp_path / "one").record
    assert record.data["skipped_steps"] == 1
    assert record.data["notes"][-1] == "1 of 2 steps were left out: a loss or gradient was not finite."


@pytest.mark.parametrize(
    ("objective", "accumulate", "noted"), [("scl", 3, True), ("scl", 1, False), ("rdrop", 3, False)]
)
def test_a_contrast_within_micro_batches_is_noted(task, config_of, tmp_path, objective, accumulate, noted):
    options = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": accumulate, "max_steps": 1}
    config = config_of(objective, **options)
    start = "scl: the 4 examples of a micro-batch are contrasted with one another, not the 12 of a step "
    notes = notes_on(config, task)
    assert [note.startswith(start) for note in notes] == [True] * noted
    if noted:
        assert set(notes) <= set(run_one(config, task, tmp_path / "run").record.data["notes"])


def test_the_time_of_a_session_that_was_killed_is_unknown(task, config_of, tmp_path):
    """It wrote a checkpoint after the one whose time is known."""
    config = config_of(save_strategy="steps", save_steps=2)
    for end in (PressCtrlC(3), Crash(7)):
        with pytest.raises((Interrupted, MemoryError)):
            run_one(config, task, tmp_path, callbacks=[end])
    cost = run_one(config, task, tmp_path).record.cost
    assert math.isnan(cost["seconds"])
    assert math.isnan(cost["seconds_per_step"])


@pytest.mark.parametrize(
    "given", [{"eval_steps": 3}, {"eval_strategy": "epoch"}, {"eval_steps": 0.25, "save_steps": 0.5}]
)
def test_what_is_evaluated_is_saved(task, config_of, tmp_path, given):
    config = config_of("supervised", early_stopping_patience=2, **given)
    arguments = config.arguments(tmp_path, 12, "accuracy")
    wanted = {"eval_strategy": "steps", "eval_steps": 0.2, **given}
    assert (arguments.eval_strategy, arguments.save_strategy) == (wanted["eval_strategy"],) * 2
    assert arguments.save_steps == given.get("save_steps", wanted["eval_steps"])


def test_a_run_of_several_processes_is_another_run(task, config_of, monkeypatch):
    """With a number of steps it has more examples."""
    alone = config_of().settings(task)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert config_of().settings(task) == alone | {"processes": 2}
