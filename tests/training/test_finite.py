"""Losses, gradients and weights that are not finite end training, at the step where they first were not."""

import itertools
import re

import pytest
import torch
from torch.nn import functional as F
from transformers import TrainerCallback

from cmploss import Comparative, ObjectiveTrainer, Supervised
from cmploss.ablation import CmpDrop
from cmploss.errors import NotFiniteError
from cmploss.finite import check_weights
from cmploss.training import train_loop
from tests.tiny import batch_of, model_of
from tests.training.helpers import arguments, examples_of


class Poison(TrainerCallback):
    """Makes one number infinite before or after the optimizer step of a step."""

    def __init__(self, step, what):
        self.step, self.what = step, what

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        if (state.global_step + 1, "gradient") == (self.step, self.what):
            model.classifier.bias.grad[0] = torch.inf

    def on_step_end(self, args, state, control, model=None, **_):
        if (state.global_step, "weight") == (self.step, self.what):
            model.classifier.bias.data[0] = torch.inf


class Seen(list):
    """Examples, and the order in which they are read."""

    def __init__(self, examples):
        super().__init__(examples)
        self.order = []

    def __getitem__(self, index):
        self.order.append(index)
        return super().__getitem__(index)


def trainer_of(folder, objective, *, callbacks=(), task_loss=None, skip_nonfinite=False, **options):
    return ObjectiveTrainer(
        model=model_of(),
        args=arguments(folder, max_steps=6, **options),
        objective=objective,
        train_dataset=Seen(examples_of()),
        eval_dataset=examples_of(),
        callbacks=list(callbacks),
        task_loss=task_loss,
        skip_nonfinite=skip_nonfinite,
    )


@pytest.mark.parametrize("objective", [Supervised(), Comparative(CmpDrop(2))], ids=["supervised", "comparative"])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("logging_steps", [1, 6])
def test_a_loss_that_is_not_finite_names_its_step(tmp_path, objective, accumulate, logging_steps):
    def loss(outputs, labels):
        each = F.cross_entropy(outputs.logits, labels["labels"], reduction="none")
        return each * torch.nan if trainer.state.global_step == 3 else each

    options = {"gradient_accumulation_steps": accumulate, "logging_steps": logging_steps}
    trainer = trainer_of(tmp_path, objective, task_loss=loss, **options)
    message = r"^loss is not finite at step 4 \(training examples ([\d, ]+)\); give a smaller --learning_rate$"
    with pytest.raises(NotFiniteError, match=message) as failed:
        trainer.train()
    named = [int(number) for number in re.match(message, str(failed.value))[1].split(", ")]
    size, seen = len(named), trainer.train_dataset.order
    assert named == seen[3 * size : 4 * size]
    assert trainer.state.global_step == (4 if logging_steps == 1 else 6)  # seen when it is logged
    assert all(entry["loss"] > 0 for entry in trainer.state.log_history)


@pytest.mark.parametrize("step", [1, 6])
def test_weights_that_are_not_finite_are_found_at_the_end_though_nothing_is_logged(tmp_path, step):
    trainer = trainer_of(tmp_path, Supervised(), callbacks=[Poison(step, "weight")], logging_strategy="no")
    with pytest.raises(NotFiniteError, match=r"training ended at step 6, .*: the weights \S+ are not"):
        trainer.train()


def test_a_gradient_that_is_not_finite(tmp_path):
    class Large(torch.autograd.Function):
        @staticmethod
        def forward(ctx, loss):
            return loss.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * torch.inf

    def loss(outputs, labels):
        each = F.cross_entropy(outputs.logits, labels["labels"], reduction="none")
        return Large.apply(each) if trainer.state.global_step == 2 else each

    trainer = trainer_of(tmp_path, Supervised(), task_loss=loss)
    with pytest.raises(NotFiniteError, match=r"^grad_norm is not finite at step 3"):
        trainer.train()


class Weights(TrainerCallback):
    """The weights after each step."""

    def __init__(self):
        self.after = []

    def on_step_end(self, args, state, control, model=None, **_):
        self.after.append(torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone())


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("kind", ["loss", "gradient"])
@pytest.mark.parametrize("objective", [Supervised(), Comparative(CmpDrop(2))], ids=["supervised", "comparative"])
def test_a_step_that_is_not_finite_can_be_left_out(tmp_path, objective, kind, accumulate):
    def loss(outputs, labels):
        each = F.cross_entropy(outputs.logits, labels["labels"], reduction="none")
        return each * torch.nan if (kind, trainer.state.global_step) == ("loss", 3) else each

    weights, poison = Weights(), Poison(4 if kind == "gradient" else 0, "gradient")
    options = {"gradient_accumulation_steps": accumulate, "logging_steps": 2, "skip_nonfinite": True}
    trainer = trainer_of(tmp_path, objective, callbacks=[weights], task_loss=loss, **options)
    trainer.callback_handler.callbacks.insert(0, poison)
    trainer.train()
    changed = [not torch.equal(*pair) for pair in itertools.pairwise(weights.after)]
    assert changed == [True, True, False, True, True]
    assert trainer.skipped_steps == 1
    logs = trainer.state.log_history[:3]
    assert [entry["skipped_steps"] for entry in logs] == [0, 1, 0]
    assert all(0.5 < entry["loss"] < 3 for entry in logs)  # the mean over the steps that count


def test_an_evaluation_that_is_not_finite(tmp_path):
    options = {"logging_strategy": "no", "eval_strategy": "steps", "eval_steps": 3}
    trainer = trainer_of(tmp_path, Supervised(), callbacks=[Poison(3, "weight")], **options)
    with pytest.raises(NotFiniteError, match=r"^eval_loss is not finite at step 3"):
        trainer.train()


def test_the_plain_loop_ends_too():
    model = model_of()
    check_weights(model, "here")  # control
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30)
    with pytest.raises(NotFiniteError, match=r"^the loss is not finite"):
        list(train_loop(model, [batch_of("single_label")] * 5, Supervised(), optimizer, max_grad_norm=1e30))
    model.classifier.bias.data[0] = torch.nan
    with pytest.raises(NotFiniteError, match=r"^here: the weights"):
        check_weights(model, "here")
