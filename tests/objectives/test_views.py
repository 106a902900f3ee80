"""Objectives on batches of views: what they compare, which examples they leave out, and which batches they refuse."""

import pytest
import torch
from torch.nn import functional as F

from cmploss import CmpCrop, CmpDrop, Comparative, EqualCompute, Supervised, Weighted, comparative_loss, nested_dropout
from cmploss.ablation import Variant
from cmploss.ablation.rng import draw_seed
from cmploss.objectives import objective_output, views_of
from cmploss.objectives.views import batch_size, num_valid
from tests.settings import SETTINGS, build_objective
from tests.tiny import batch_of, batch_of_views, model_of, span_losses_by_row

NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
PLANS = {
    "drop": (CmpDrop(1),),
    "crop": (CmpCrop(2),),
    "crop without dropout": (CmpCrop(2, dropout="off"),),
    "drop and crop": (CmpDrop(1), CmpCrop(2)),
}
NAMES = {
    "drop": ["full", "drop1"],
    "crop": ["dropout", "crop1_dropout", "crop2_dropout"],
    "crop without dropout": ["full", "crop1", "crop2"],
    "drop and crop": ["full", "crop1", "crop1_drop1", "crop2_drop1"],
}
STEPS = {  # power and view of every pass; own dropout is power 1
    "drop": [(0, 0), (1, 0)],
    "crop": [(1, 0), (1, 1), (1, 2)],
    "crop without dropout": [(0, 0), (0, 1), (0, 2)],
    "drop and crop": [(0, 0), (0, 1), (1, 1), (1, 2)],
}


def losses_by_hand(model, batch, seed, steps):
    """Start and end losses ``(2, batch, variants)``, with the labels of each view."""
    columns = []
    for power, view in steps:
        rows = batch["views"][view]
        with nested_dropout(model, power, seed=seed):
            outputs = model(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"])
        columns.append(span_losses_by_row(outputs, rows))
    return torch.stack(columns, -1)


def gradient_of(model, objective, batch):
    torch.manual_seed(7)
    model.zero_grad()
    outcome = objective(model, batch)
    outcome.loss.backward()
    used = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    return outcome, torch.cat(used)


@pytest.mark.parametrize("plan", PLANS)
def test_losses_of_views_are_compared_start_and_end_apart(plan):
    model, batch = model_of(head="span", hidden_dropout_prob=0.5), batch_of_views(12, 9, 5, size=8)
    torch.manual_seed(3)
    outcome = Comparative(*PLANS[plan], target="first")(model, batch)
    torch.manual_seed(3)
    start, end = losses_by_hand(model, batch, draw_seed(), STEPS[plan])
    expected = (comparative_loss(start, target="first") + comparative_loss(end, target="first")) / 2
    torch.testing.assert_close(outcome.loss, expected)
    means = ((start + end) / 2).mean(0)
    assert list(outcome.logs) == [f"loss_{name}" for name in NAMES[plan]] + ["penalty", "violation_rate"]
    for name, mean in zip(NAMES[plan], means, strict=True):
        torch.testing.assert_close(outcome.logs[f"loss_{name}"], mean)
    rows = [row.tolist() for row in (*start, *end)]
    assert outcome.logs["violation_rate"].item() == pytest.approx(sum(min(r[1:]) < r[0] for r in rows) / 16)


@pytest.mark.parametrize("plan", PLANS)
def test_equal_compute_is_the_mean_of_the_same_passes(plan):
    model, batch = model_of(head="span"), batch_of_views(12, 9, 5)
    torch.manual_seed(3)
    loss = EqualCompute(*PLANS[plan])(model, batch).loss
    torch.manual_seed(3)
    torch.testing.assert_close(loss, losses_by_hand(model, batch, draw_seed(), STEPS[plan]).mean())


def test_a_crop_that_is_the_full_view_has_the_same_loss():
    """One seed: without a crop nothing differs, so no view has the smaller loss."""
    model, batch = model_of(head="span", hidden_dropout_prob=0.5), batch_of_views(12)
    batch["views"] *= 3
    outcome = Comparative(CmpCrop(2))(model, batch)
    assert outcome.logs["loss_dropout"] == outcome.logs["loss_crop1_dropout"] == outcome.logs["loss_crop2_dropout"]
    assert outcome.logs["violation_rate"] == 0
    with_dropout = outcome.logs["loss_dropout"]
    assert with_dropout != Comparative(CmpCrop(2, dropout="off"))(model, batch).logs["loss_full"]


def test_padding_decides_no_comparison():
    """Nothing was cropped from the first row, only its padding differs: it must not win or lose by that."""
    model, batch = model_of(head="span"), batch_of_views(12, size=1)
    full = {name: F.pad(value, (0, 20)) if value.dim() == 2 else value for name, value in batch["views"][0].items()}
    outcome = Comparative(CmpCrop(1, dropout="off"))(model, {"views": [full, *batch["views"]]})
    torch.testing.assert_close(outcome.logs["loss_full"], outcome.logs["loss_crop1"])


def test_a_model_without_dropout_can_be_cropped():
    model, batch = model_of(head="span", **NO_DROPOUT), batch_of_views(12, 9)
    own, off = (Comparative(CmpCrop(1, dropout=dropout))(model, batch).loss for dropout in ("own", "off"))
    assert own == off
    with pytest.raises(ValueError, match="no active dropout to ablate"):
        Comparative(CmpDrop(1), CmpCrop(1))(model, batch)


def without(batch, row):
    """The batch without one example."""
    keep = [number for number in range(batch_size(batch)) if number != row]
    return {
        "views": [{name: value[keep] for name, value in view.items()} for view in batch["views"]],
        "valid": batch["valid"][keep],
    }


CONFIGS = [{"n_drop": 1, "n_crop": 1, "dropout_p": 1e-12}, {"n_drop": 0, "n_crop": 1}, {}]


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("name", [name for name, row in SETTINGS.items() if "span" in row.heads])
def test_an_example_that_is_not_valid_changes_nothing(name, config, engine):
    if name == "self_distill" and "n_crop" in config:
        pytest.skip("refuses crops")
    model = model_of(head="span", hidden_dropout_prob=1e-12, attention_probs_dropout_prob=1e-12)
    objective = build_objective(name, {**config, "engine": engine})
    lost, whole = batch_of_views(12, 9, lost=(2,)), batch_of_views(12, 9)
    (found, gradient), (expected, expected_gradient) = (
        gradient_of(model, objective, batch) for batch in (lost, without(lost, 2))
    )
    torch.testing.assert_close(found.loss, expected.loss)
    assert found.logs.keys() == expected.logs.keys()
    for part, value in expected.logs.items():
        torch.testing.assert_close(found.logs[part], value, msg=part)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-6)
    assert (gradient_of(model, objective, whole)[1] - gradient).norm() > 1e-3  # it would have counted
    assert found.outputs.start_logits.shape == (4, 12)  # its predictions are there all the same


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
@pytest.mark.parametrize("ranking", ["hinge", "listmle"])
def test_without_valid_examples_the_loss_is_zero_with_a_graph(ranking, engine):
    model, batch = model_of(head="span"), batch_of_views(12, 9, lost=(0, 1, 2, 3))
    objective = Comparative(CmpDrop(1), CmpCrop(1), ranking=ranking, engine=engine)
    outcome, gradient = gradient_of(model, objective, batch)
    assert outcome.loss.item() == 0
    assert len(gradient) > 1000
    assert not gradient.any()
    assert list(outcome.logs) == ["loss_full", "loss_crop1", "loss_crop1_drop1", "penalty", "violation_rate"]
    assert not any(outcome.logs.values())  # finite, so that it can be weighted with 0


@pytest.mark.parametrize(
    "objective", [Supervised(), Supervised(dropout=False), Comparative(CmpDrop(2)), EqualCompute(CmpDrop(1))]
)
def test_a_plan_without_crops_reads_the_full_view(objective):
    model, batch = model_of(head="span"), batch_of_views(12, 9, 5)
    (found, gradient), (expected, expected_gradient) = (
        gradient_of(model, objective, each) for each in (batch, batch["views"][0])
    )
    assert torch.equal(found.loss, expected.loss)
    assert torch.equal(gradient, expected_gradient)


@pytest.mark.parametrize("head", ["single_label", "span"])
def test_a_plain_batch_may_have_a_mask(head):
    model, batch = model_of(head=head), batch_of(head)
    part = {name: value[1:] for name, value in batch.items()}
    flagged = batch | {"valid": torch.tensor([False, True, True, True])}
    objective = Supervised(dropout=False)
    torch.testing.assert_close(objective(model, flagged).loss, objective(model, part).loss)
    assert (batch_size(flagged), num_valid(flagged), num_valid(batch)) == (4, 3, 4)


def test_views_and_sizes_of_a_batch():
    batch = batch_of_views(12, 9, size=5, lost=(0, 3))
    assert (batch_size(batch), num_valid(batch)) == (5, 3)
    full, crop = views_of(batch, 2)
    assert full.keys() == crop.keys() == batch["views"][0].keys() | {"valid"}
    assert [view["input_ids"].shape for view in (full, crop)] == [(5, 12), (5, 9)]
    assert [len(views_of(batch, 1)), len(views_of(full, 1))] == [1, 1]
    assert "valid" not in batch["views"][0]  # the batch is as it was
    assert "valid" not in views_of({"views": batch["views"]})[0]


@pytest.mark.parametrize(
    ("batch", "found"), [(batch_of("span"), 1), (batch_of_views(12), 1), (batch_of_views(12, 9), 2),
                         (batch_of_views(12, 9, 5, 4), 4)]
)  # fmt: skip
def test_a_plan_with_crops_needs_its_number_of_views(batch, found):
    message = rf"reads 3 views of every example, but the batch has {found}; .*CropDataset\(…, CmpCrop\(2\)\)"
    with pytest.raises(ValueError, match=message):
        Comparative(CmpDrop(1), CmpCrop(2))(model_of(head="span"), batch)


def test_passes_that_do_not_ablate_one_another_have_no_penalty():
    plan = (Variant(None), Variant(1, view=1))
    outcome = objective_output(
        model_of(head="span"), batch_of_views(9, 5), None, variants=plan, combine=torch.Tensor.mean
    )
    assert list(outcome.logs) == ["loss_dropout", "loss_crop1_drop1"]


IN_REPR = (CmpDrop, CmpCrop, Comparative, EqualCompute, Weighted)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"n_drop": 0}, "CmpDrop(n_drop=0, p=None)"),
        ({"n_drop": 2, "dropout_p": 0.2}, "CmpDrop(n_drop=2, p=0.2)"),
        ({"n_drop": 0, "n_crop": 2}, "CmpCrop(n_crop=2, dropout='own')"),
        ({"n_drop": 0, "n_crop": 1, "crop_dropout": "off"}, "CmpCrop(n_crop=1, dropout='off')"),
        ({"n_drop": 1, "n_crop": 2}, "CmpDrop(n_drop=1, p=None), CmpCrop(n_crop=2, dropout='own')"),
    ],
)
@pytest.mark.parametrize("name", ["comparative", "equal_compute", "weighted"])
def test_settings_by_name(name, config, expected):
    objective = build_objective(name, config)
    assert repr(objective).partition("(")[2].startswith(expected + ", ")
    assert eval(repr(objective), {each.__name__: each for each in IN_REPR}) == objective


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"n_crop": -1}, "n_crop=-1 must not be negative"),
        ({"n_drop": -1, "n_crop": 1}, "n_drop=-1 must not be negative"),
        (
            {"n_drop": 0, "n_crop": 1, "dropout_p": 0.1},
            r"dropout_p=0\.1 is the base rate of CmpDrop, which needs n_drop above 0",
        ),
        (
            {"n_drop": 1, "n_crop": 1, "crop_dropout": "off"},
            r"CmpCrop\(dropout='off'\) cannot be combined with CmpDrop",
        ),
    ],
)
def test_settings_that_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        build_objective("comparative", config)
