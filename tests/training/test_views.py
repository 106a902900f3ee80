"""ObjectiveTrainer on questions in full and cropped: weights, logs, evaluation, epochs and resuming."""

import pytest
import torch
from torch.utils.data import DataLoader
from transformers import TrainerCallback

from cmploss import CmpCrop, CmpDrop, Comparative, EqualCompute, ObjectiveTrainer, Supervised
from cmploss.objectives.views import num_valid
from cmploss.tasks.qa import CropDataset, Question, Segment, Span, ViewCollator, WindowCollator, WindowConfig
from cmploss.training import train_loop
from tests.tasks.qa.tokenizers import byte_level
from tests.tiny import model_of, span_losses_by_row
from tests.training.helpers import Gradients, arguments

CONFIG = WindowConfig(max_length=120, max_paragraph_tokens=12)
BOTH = (CmpDrop(1), CmpCrop(1))


def question(number, lost):
    """Five segments, one of them evidence; a lost answer is longer than what is read of a segment."""
    answer = "so " * 30 if lost else f"w{number}"
    segments = [Segment(f"it {'was ' * (i % 3)}{i}", evidence=False) for i in range(4)]
    segments.insert(number % 5, Segment(answer, evidence=True))
    return Question(f"q{number}", "Which?", tuple(segments), (answer,), (Span(3 + 2 * (number % 5), 0, len(answer)),))


def data_of(size=8, *, lost=(1,), n_crop=1):
    questions = [question(number, number in lost) for number in range(size)]
    return CropDataset(questions, byte_level(), CONFIG, CmpCrop(n_crop), seed=3)


def reader(**config):
    return model_of(head="span", vocab_size=400, max_position_embeddings=CONFIG.max_length, **config)


def trainer_of(folder, objective, data, *, model=None, callbacks=(), **options):
    model = model or reader()
    defaults = {"per_device_train_batch_size": 4, "train_sampling_strategy": "sequential", "optim": "sgd"}
    return ObjectiveTrainer(
        model=model,
        args=arguments(folder, **{**defaults, **options}),
        objective=objective,
        train_dataset=data,
        data_collator=ViewCollator(WindowCollator(byte_level(), model)),
        callbacks=list(callbacks),
    )


def parameters_of(model):
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach()


@pytest.mark.parametrize(
    "objective",
    [Comparative(*BOTH), Comparative(*BOTH, engine="two_pass"), EqualCompute(CmpCrop(1)), Supervised()],
    ids=str,
)
def test_equals_the_plain_loop(tmp_path, objective):
    trainer = trainer_of(tmp_path, objective, data_of(), max_steps=2, lr_scheduler_type="constant")
    trainer.train()

    looped = reader()
    before = parameters_of(looped).clone()
    batches = DataLoader(data_of(), batch_size=4, collate_fn=ViewCollator(WindowCollator(byte_level(), looped)))
    torch.manual_seed(0)  # Trainer seeds with args.seed before it trains
    steps = list(train_loop(looped, batches, objective, torch.optim.SGD(looped.parameters(), lr=1e-2)))
    assert (parameters_of(looped) - before).norm() > 1e-3
    torch.testing.assert_close(parameters_of(trainer.model), parameters_of(looped), rtol=1e-5, atol=1e-7)
    assert [step["ignored_fraction"] for step in steps] == [0.25, 0.0]
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    for entry, step in zip(logged, steps, strict=True):
        assert {name: entry[name] for name in step} == pytest.approx(step, rel=1e-4, abs=1e-6)


def first_step(folder, *, batch_size, accumulate, lost, size=12):
    """The gradient of the first step, which holds all questions, and its log entry."""
    gradients = Gradients()
    trainer = trainer_of(
        folder,
        Comparative(CmpCrop(1)),
        data_of(size, lost=lost),
        model=reader(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0),
        callbacks=[gradients],
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulate,
        max_steps=1,
        max_grad_norm=0.0,
    )
    trainer.train()
    return gradients.first, trainer.state.log_history[0]


@pytest.mark.parametrize(("lost", "share"), [((), 0.0), ((0, 5, 6), 3 / 12), ((0, 1, 2, 3, 7), 5 / 12)])
def test_every_compared_question_weighs_the_same(tmp_path, lost, share):
    """Also if one micro-batch has fewer of them than another, or none."""
    one, expected = first_step(tmp_path, batch_size=12, accumulate=1, lost=lost)
    three, found = first_step(tmp_path, batch_size=4, accumulate=3, lost=lost)
    assert one.norm() > 1e-2
    torch.testing.assert_close(three, one, rtol=1e-4, atol=1e-6)
    names = ("loss", "loss_dropout", "loss_crop1_dropout", "penalty", "violation_rate", "ignored_fraction")
    assert {name: found[name] for name in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-4)
    assert found["ignored_fraction"] == pytest.approx(share)


def test_the_share_left_out_is_logged_over_all_steps_since_the_last_log(tmp_path):
    trainer = trainer_of(tmp_path, Supervised(), data_of(lost=(1, 2, 3)), max_steps=2, logging_steps=2)
    trainer.train()
    assert trainer.state.log_history[0]["ignored_fraction"] == pytest.approx(3 / 8)


def test_a_step_that_leaves_everybody_out_changes_nothing(tmp_path):
    trainer = trainer_of(tmp_path, Comparative(*BOTH), data_of(4, lost=range(4)), max_steps=1)
    before = parameters_of(trainer.model).clone()
    trainer.train()
    assert torch.equal(parameters_of(trainer.model), before)
    entry = trainer.state.log_history[0]
    assert (entry["loss"], entry["ignored_fraction"]) == (0, 1)
    assert "loss_full" not in entry  # there is nothing to average


def test_evaluation_reads_the_full_view_once(tmp_path):
    data = data_of(6, lost=(1, 4))
    trainer = trainer_of(tmp_path, Comparative(*BOTH), data_of(), per_device_eval_batch_size=3)
    calls = []
    trainer.model.register_forward_hook(lambda *_: calls.append(1))
    found = trainer.predict(data)
    assert len(calls) == 2
    assert len(data[0]) == 2  # views

    full = [views[0] for views in data]
    batch = WindowCollator(byte_level(), trainer.model)(full)
    with torch.no_grad():
        outputs = trainer.model.eval()(**batch)
    losses = span_losses_by_row(outputs, batch).mean(0)
    by_batch = [losses[[0, 2]].mean(), losses[[3, 5]].mean()]
    assert found.metrics["test_loss"] == pytest.approx(sum(by_batch).item() / 2, rel=1e-5)
    starts, _ = found.predictions
    torch.testing.assert_close(torch.tensor(starts), outputs.start_logits, rtol=1e-4, atol=1e-5)
    assert found.label_ids[0].tolist() == batch["start_positions"].tolist()


class TextsRead(TrainerCallback):
    """What the model reads in training: one entry per pass."""

    def __init__(self, model):
        self.texts = []
        hook = lambda _, args, inputs: self.texts.append(inputs["input_ids"].tolist())  # noqa: E731
        model.register_forward_pre_hook(hook, with_kwargs=True)


@pytest.mark.parametrize("options", [{}, {"dataloader_num_workers": 1, "dataloader_persistent_workers": True}])
def test_every_epoch_has_its_own_crops(tmp_path, options):
    data, model = data_of(4), reader()
    read = TextsRead(model)
    trainer_of(tmp_path, Comparative(CmpCrop(1)), data, model=model, max_steps=3, **options).train()
    collate = ViewCollator(WindowCollator(byte_level(), model))
    expected = []
    for epoch in range(3):
        data.set_epoch(epoch)
        expected += [view["input_ids"].tolist() for view in collate([data[index] for index in range(4)])["views"]]
    assert read.texts == expected
    assert expected[0] != expected[2] != expected[4]


class StopAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        control.should_training_stop = state.global_step >= self.step


@pytest.mark.parametrize("stop", [2, 3])  # at the end of the first epoch, in the middle of the second
def test_resuming_sees_the_crops_of_its_epoch(tmp_path, stop):
    def trained(folder, callbacks=(), resume=None):
        model = reader()
        read = TextsRead(model)
        options = {"max_steps": 6, "save_strategy": "steps", "save_steps": 1, "save_total_limit": 1}
        trainer = trainer_of(
            tmp_path / folder,
            Comparative(*BOTH),
            data_of(),
            model=model,
            callbacks=callbacks,
            train_sampling_strategy="random",
            **options,
        )
        trainer.train(resume_from_checkpoint=resume)
        return trainer, read.texts[3:]  # the first three check the control of dropout

    whole, texts = trained("whole")
    _, first = trained("parts", [StopAt(stop)])
    resumed, rest = trained("parts", resume=True)
    assert first + rest == texts
    assert torch.equal(parameters_of(resumed.model), parameters_of(whole.model))


def test_the_data_here_have_what_the_tests_are_about():
    data = data_of(12, lost=(0, 1, 2, 3, 7))
    collate = ViewCollator(WindowCollator(byte_level(), reader()))
    batches = list(DataLoader(data, batch_size=4, collate_fn=collate))
    assert [num_valid(batch) for batch in batches] == [0, 3, 4]
    lengths = [[view["input_ids"].shape[1] for view in batch["views"]] for batch in batches]
    assert all(full > crop for full, crop in lengths[1:])


def test_views_are_grouped_by_length_in_evaluation_too(tmp_path):
    data = data_of(8, lost=())
    trainer = trainer_of(tmp_path, Supervised(), data, max_steps=1, train_sampling_strategy="group_by_length")
    assert trainer.evaluate(data)["eval_loss"] == pytest.approx(
        trainer_of(tmp_path, Supervised(), data, model=trainer.model).evaluate(data)["eval_loss"], rel=1e-5
    )
