"""The two engines have equal gradients, and two_pass keeps one graph at a time."""

from itertools import product
from weakref import WeakSet

import pytest
import torch

from cmploss import CmpCrop, CmpDrop, CmpLayer, Comparative, EqualCompute
from cmploss.ablation import Variant
from cmploss.cpu import RandomBits
from cmploss.engine import passes, two_pass
from cmploss.objectives import objective_output
from tests.covering import pairwise
from tests.settings import OF_EVERY_HEAD, SETTINGS, build_objective
from tests.tiny import batch_of, batch_of_views, model_of

PLANS = [(CmpDrop(2, p=0.3), CmpCrop(2)), (CmpCrop(2),), (CmpCrop(2, dropout="off"),)]
PLANS += [(CmpDrop(2, p=0.3), CmpCrop(2), CmpLayer((1,))), (CmpCrop(2), CmpLayer((1,), exit_gradient=0.5))]
SEVERAL = [(name, head) for name, head in OF_EVERY_HEAD if SETTINGS[name].passes > 1]


@pytest.fixture(autouse=True)
def short_batches_by_halves_too(monkeypatch):
    monkeypatch.setattr(two_pass, "LONG", 0)


def gradient(model):
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def step(model, objective, batch, scale=1.0, autocast=False):
    torch.manual_seed(3)
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outcome = objective(model, batch)
    (outcome.loss * scale).backward()
    return outcome, gradient(model).clone()


def engines(name):
    return [build_objective(name, {**SETTINGS[name].settings, "engine": engine}) for engine in ("joint", "two_pass")]


@pytest.mark.parametrize(
    ("name", "head", "autocast", "checkpointing"),
    pairwise((*case, *switches) for case in SEVERAL for switches in product([False, True], repeat=2)),
)
def test_equal_gradients(name, head, autocast, checkpointing):
    model, batch = model_of(head=head, hidden_dropout_prob=0.3), SETTINGS[name].batch(batch_of(head))
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    (joint, expected), (lean, found) = (step(model, each, batch, 2.0, autocast) for each in engines(name))
    assert expected.norm() > 1e-3
    assert torch.equal(joint.loss, lean.loss)
    assert joint.logs == lean.logs
    assert (found - expected).norm() <= 1e-6 * expected.norm()


@pytest.mark.parametrize(
    ("plan", "architecture", "autocast", "checkpointing"),
    pairwise(product(PLANS, ["Bert", "Longformer"], [False, True], [False, True])),
)
def test_equal_gradients_over_views_of_different_length(plan, architecture, autocast, checkpointing):
    model, batch = model_of(architecture, "span"), batch_of_views(12, 9, 5, size=8, lost=(1,))
    if architecture == "Longformer":
        for view in batch["views"]:
            view["global_attention_mask"] = (view["input_ids"] % 5 == 0).long()
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    (joint, expected), (lean, found) = (
        step(model, Comparative(*plan, engine=engine), batch, 2.0, autocast) for engine in ("joint", "two_pass")
    )
    assert expected.norm() > 1e-3
    assert torch.equal(joint.loss, lean.loss)
    assert joint.logs == lean.logs
    assert (found - expected).norm() <= 1e-6 * expected.norm()


def test_another_seed_would_not_agree():
    """Negative control: the equality above needs the same masks in the replay."""
    model, batch = model_of(hidden_dropout_prob=0.3), batch_of()
    _, expected = step(model, Comparative(CmpDrop(2), engine="joint"), batch)
    torch.manual_seed(4)
    model.zero_grad()
    Comparative(CmpDrop(2), engine="two_pass")(model, batch).loss.backward()
    assert (gradient(model) - expected).norm() > 1e-2 * expected.norm()


def test_one_graph_before_the_backward_pass_and_one_at_a_time_in_it():
    model, batch = model_of(), batch_of()
    grads_on = []
    model.register_forward_hook(lambda *_: grads_on.append(torch.is_grad_enabled()))
    outcome = EqualCompute(CmpDrop(2), engine="two_pass")(model, batch)
    assert grads_on == [False, False, True]
    outcome.loss.backward()
    assert grads_on == [False, False, True, *[True, True] * 2]  # each replay half by half


def test_a_pass_without_gradient_is_not_replayed():
    model, batch = model_of(), batch_of()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))

    class LastOnly(EqualCompute):
        def __call__(self, model, batch, task_loss=None):
            return objective_output(
                model, batch, task_loss, variants=self.variants, combine=lambda x: x[..., -1].mean(), engine=self.engine
            )

    step(model, LastOnly(CmpDrop(2), engine="two_pass"), batch)
    assert len(calls) == 3 + 2


def test_without_gradients_there_is_nothing_to_replay():
    model, batch = model_of(), batch_of()
    with torch.no_grad():
        torch.manual_seed(0)
        lean = Comparative(CmpDrop(1), engine="two_pass")(model, batch)
        torch.manual_seed(0)
        joint = Comparative(CmpDrop(1), engine="joint")(model, batch)
    assert torch.equal(lean.loss, joint.loss)
    assert not lean.loss.requires_grad


class Weighted(EqualCompute):
    """The losses of the last variant, weighted by row."""

    def __init__(self, weights, *ablations, engine):
        super().__init__(*ablations, engine=engine)
        self.weights = torch.tensor(weights)

    def __call__(self, model, batch, task_loss=None):
        def combine(losses):
            return (losses[..., -1].reshape(len(losses), -1).sum(1) * self.weights).sum()

        return objective_output(model, batch, task_loss, variants=self.variants, combine=combine, engine=self.engine)


def rows_replayed(model, batch, weights, *ablations):
    """Rows of each forward pass of two_pass, and its deviation from joint."""
    ablations = ablations or (CmpDrop(1),)
    _, expected = step(model, Weighted(weights, *ablations, engine="joint"), batch)
    rows = []
    hook = model.register_forward_pre_hook(lambda _, args, kw: rows.append(len(kw["input_ids"])), with_kwargs=True)
    _, found = step(model, Weighted(weights, *ablations, engine="two_pass"), batch)
    hook.remove()
    return rows, ((found - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_rows_without_gradient_are_left_out(attention, checkpointing):
    model, batch = model_of(attention=attention, hidden_dropout_prob=0.3), batch_of(size=8)
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    rows, deviation = rows_replayed(model, batch, [0.0, 1.0, 0.0, 0.5, 2.0, 0.0, 1.0, 1.0])
    assert rows == [8, 8, 3, 2]
    assert deviation < 1e-6


@pytest.mark.parametrize("plan", [(CmpDrop(1), CmpCrop(1)), (CmpCrop(2),)], ids=str)
def test_rows_of_a_crop_without_gradient_are_left_out(plan):
    model, batch = model_of(head="span", hidden_dropout_prob=0.3), batch_of_views(*(12, 9, 5)[: 1 + plan[-1].n_crop])
    rows, deviation = rows_replayed(model, batch, [0.0, 1.0, 0.0, 0.5], *plan)
    assert rows == [4, 4, 4, 2]
    assert deviation < 1e-6


@pytest.mark.parametrize(("size", "expected"), [(1, [1]), (2, [1, 1]), (9, [5, 4])])
def test_half_of_the_batch_at_most_is_replayed_at_a_time(size, expected):
    rows, deviation = rows_replayed(model_of(), batch_of(size=size), [1.0] * size)
    assert rows == [size, size, *expected]
    assert deviation < 1e-6


@pytest.mark.parametrize(("less", "expected"), [(0, [5, 4]), (1, [9])])
def test_a_short_batch_is_not_halved(less, expected, monkeypatch):
    batch = batch_of(size=9)
    monkeypatch.setattr(two_pass, "LONG", batch["input_ids"].numel() + less)
    rows, _ = rows_replayed(model_of(), batch, [1.0] * 9)
    assert rows == [9, 9, *expected]


def test_masks_that_do_not_go_by_row_replay_the_whole_batch():
    model = model_of(hidden_dropout_prob=0.3)
    model.classifier.register_forward_pre_hook(lambda _, args: (torch.nn.functional.dropout(args[0].T, 0.2).T,))
    rows, deviation = rows_replayed(model, batch_of(size=4), [0.0, 1.0, 0.0, 1.0])
    assert rows == [4, 4, 4]
    assert deviation < 1e-6


@pytest.mark.parametrize(
    ("weights", "expected"), [([0.0, 1.0, 0.0, 1.0], [2, 4]), ([1.0, 0.5, 2.0, 1.0], [2, 4, 2, 4])]
)
def test_rows_that_depend_on_others_are_found_out(weights, expected):
    model = model_of(hidden_dropout_prob=0.3)
    model.classifier.register_forward_pre_hook(lambda _, args: (args[0] - args[0].mean(0),))
    rows, deviation = rows_replayed(model, batch_of(size=4), weights)
    assert rows == [4, 4, *expected]
    assert deviation < 1e-6


def test_the_graphs_are_gone_after_the_backward_pass():
    model, batch = model_of(), batch_of()
    loss = Comparative(CmpDrop(1), engine="two_pass")(model, batch).loss
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="freed by its first backward pass; run the objective again"):
        loss.backward()


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_a_loss_that_outlives_its_step_holds_no_random_bits(engine, monkeypatch):
    alive = WeakSet()

    class Noted(RandomBits):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            alive.add(self)

    monkeypatch.setattr(passes, "RandomBits", Noted)
    loss = Comparative(CmpDrop(1), engine=engine)(model_of(), batch_of()).loss
    assert len(alive) == (engine == "two_pass")
    loss.backward()
    assert not alive


def test_own_dropout_can_be_replayed():
    model, batch = model_of(hidden_dropout_prob=0.3), batch_of()

    def gradient_by(engine):
        torch.manual_seed(0)
        model.zero_grad()
        objective_output(
            model, batch, None, variants=(Variant(None), Variant(1)), combine=torch.Tensor.mean, engine=engine
        ).loss.backward()
        return gradient(model).clone()

    expected = gradient_by("joint")
    assert (gradient_by("two_pass") - expected).norm() <= 1e-6 * expected.norm()


@pytest.mark.parametrize(("n_drop", "replayed"), [(1, False), (2, True)])
def test_auto_keeps_up_to_two_graphs(n_drop, replayed):
    model, batch = model_of(), batch_of()
    grads_on = []
    model.register_forward_hook(lambda *_: grads_on.append(torch.is_grad_enabled()))
    EqualCompute(CmpDrop(n_drop))(model, batch)
    assert (False in grads_on) is replayed


class OneNumber(torch.nn.Module):
    """A score for each example, without another dimension."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))

    def forward(self, x, labels=None):
        return {"score": self.layers(x).squeeze(-1)}


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
def test_outputs_may_have_one_number_for_each_example(engine):
    torch.manual_seed(0)
    model, batch = OneNumber(), {"x": torch.randn(6, 4), "labels": torch.randn(6)}

    def loss(outputs, labels):
        return (outputs["score"] - labels["labels"]) ** 2

    found = []
    for each in (engine, "joint"):
        torch.manual_seed(3)
        model.zero_grad()
        Comparative(CmpDrop(2), engine=each)(model, batch, loss).loss.backward()
        found.append(gradient(model).clone())
    assert found[0].norm() > 1e-3
    assert (found[0] - found[1]).norm() <= 1e-6 * found[1].norm()


def test_depths_of_one_plan_have_one_factor_of_gradients():
    plan = (Variant(), Variant(layers=2, exit_gradient=1.0), Variant(layers=1, exit_gradient=0.3))
    with pytest.raises(ValueError, match="variants that differ in depth alone must have the same exit_gradient"):
        objective_output(model_of(), batch_of(), None, variants=plan, combine=torch.Tensor.mean)
    two_passes = (Variant(0), Variant(0, layers=1, exit_gradient=0.3), Variant(1), Variant(1, layers=1))
    objective_output(model_of(), batch_of(), None, variants=two_passes, combine=torch.Tensor.mean)
