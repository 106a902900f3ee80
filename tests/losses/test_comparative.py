"""The comparative loss against the published values, spelled-out arithmetic and a double loop."""

import json
from itertools import combinations
from math import exp, log
from pathlib import Path

import pytest
import torch

from cmploss.losses import (
    RANKINGS,
    TARGETS,
    comparative_loss,
    comparison_weights,
    primary_loss,
    ranking_penalty,
    violations,
)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "comparative_loss.json").read_text())  # see its "origin"
PUBLISHED_PRIMARY = {"max": "max", "avg": "mean", "fst": "full", "lst": "most_ablated"}


def with_gradient(function, losses):
    losses = torch.tensor(losses, dtype=torch.float64, requires_grad=True)
    value = function(losses)
    (gradient,) = torch.autograd.grad(value.sum(), losses)
    return value.detach(), gradient


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("ranking", RANKINGS)
def test_equals_published_values_and_gradients(ranking, target):
    entries = [row for row in GOLDEN["comparative"] if (row["ranking"], row["target"]) == (ranking, target)]
    assert len(entries) == 8
    for entry in entries:
        options = {"target": target, "temperature": entry["temperature"]}
        value, gradient = with_gradient(
            lambda losses, options=options: comparative_loss(losses, ranking=ranking, reduction="none", **options),
            entry["losses"],
        )
        torch.testing.assert_close(value, torch.tensor(entry["loss"]).double(), rtol=0, atol=1e-6)
        torch.testing.assert_close(gradient, torch.tensor(entry["grad"]).double(), rtol=0, atol=1e-6)
        if ranking == "hinge":
            weights = comparison_weights(torch.tensor(entry["losses"], dtype=torch.float64), **options)
            torch.testing.assert_close(weights, gradient, rtol=0, atol=1e-6)


def test_equals_published_regularizer():
    assert len(GOLDEN["regularizer"]) == 18
    for entry in GOLDEN["regularizer"]:
        if "primary" in entry:
            primary = PUBLISHED_PRIMARY[entry["primary"]]
            value = primary_loss(torch.tensor(entry["losses"]).double(), primary=primary, reduction="none")
        else:
            value, gradient = with_gradient(
                lambda losses, ranking=entry["ranking"]: ranking_penalty(losses, ranking=ranking, reduction="none"),
                entry["losses"],
            )
            torch.testing.assert_close(gradient, torch.tensor(entry["grad"]).double(), rtol=0, atol=1e-6)
        torch.testing.assert_close(value, torch.tensor(entry["loss"]).double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("target", "losses", "expected"),
    [
        ("ultra", [0.5, 0.3], (0.5 + 0.3 + (0.5 - 0.3)) / 3),
        ("ultra", [0.3, 0.5], (0.3 + 0.5) / 3),
        ("best", [0.5, 0.3], ((0.5 - 0.3) + (0.5 - 0.3) + 0) / 3),
        ("best", [0.3, 0.5], (0 + 0 + (0.5 - 0.3)) / 3),
        ("first", [0.5, 0.3], ((0.5 - 0.3) + (0.5 - 0.3) + 0) / 3),
        ("first", [0.3, 0.5], (0 + 0 + (0.5 - 0.4)) / 3),  # b = (0.3 + 0.5) / 2
    ],
)
def test_hinge_by_hand(target, losses, expected):
    value = comparative_loss(torch.tensor([losses], dtype=torch.float64), target=target)
    assert value.item() == pytest.approx(expected, abs=1e-12)


def test_listmle_by_hand():
    value = comparative_loss(torch.tensor([[1.0, 2.0]], dtype=torch.float64), ranking="listmle", temperature=2.0)
    x = [-0.5, -1.0, 0.0]
    expected = (log(sum(map(exp, x))) - x[0]) + (log(exp(x[1]) + exp(x[2])) - x[1])
    assert value.item() == pytest.approx(expected, abs=1e-12)


def by_double_loop(row: list[float], target: str, temperature: float) -> tuple[float, list[float]]:
    row = [value / temperature for value in row]
    lowest = min(row[1:])
    bound = {"ultra": 0.0, "best": min(row), "first": (row[0] + lowest) / 2 if row[0] < lowest else lowest}[target]
    row = [*row, bound]
    pairs = list(combinations(range(len(row)), 2))
    weights = [0.0] * len(row)
    total = 0.0
    for i, j in pairs:
        total += max(0.0, row[i] - row[j])
        if row[i] >= row[j]:
            weights[i] += 1
            weights[j] -= 1
    return total / len(pairs), [weight / len(pairs) / temperature for weight in weights[:-1]]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("submodels", [1, 2, 5])
def test_double_loop_with_ties(target, submodels):
    generator = torch.Generator().manual_seed(submodels)
    losses = torch.randint(0, 4, (64, 1 + submodels), generator=generator).double() / 2  # many ties, some all equal
    value, gradient = with_gradient(
        lambda rows: comparative_loss(rows, target=target, temperature=0.7, reduction="none"), losses.tolist()
    )
    weights = comparison_weights(losses, target=target, temperature=0.7)
    for row, loss, slope, weight in zip(losses.tolist(), value, gradient, weights, strict=True):
        expected_loss, expected_weights = by_double_loop(row, target, 0.7)
        assert loss.item() == pytest.approx(expected_loss, abs=1e-12)
        assert slope.tolist() == pytest.approx(expected_weights, abs=1e-12)
        assert weight.tolist() == pytest.approx(expected_weights, abs=1e-12)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("ranking", RANKINGS)
def test_without_submodels_it_is_the_task_loss(target, ranking):
    losses = torch.tensor([[0.25], [0.75]])
    value = comparative_loss(losses, target=target, ranking=ranking, temperature=0.1)
    assert value.item() == 0.5
    assert comparison_weights(losses, target=target, temperature=0.1).tolist() == [[1.0], [1.0]]
    assert ranking_penalty(losses, ranking=ranking).item() == 0.0
    assert primary_loss(losses, ranking=ranking, ranking_weight=2.0).item() == 0.5


@pytest.mark.parametrize("shape", [(2,), (3, 2), (4, 2, 3), (2, 1, 5, 4)])
def test_any_leading_shape(shape):
    losses = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    value = comparative_loss(losses, reduction="none")
    assert value.shape == shape[:-1]
    rows = comparative_loss(losses.reshape(-1, shape[-1]), reduction="none")
    torch.testing.assert_close(value.reshape(-1), rows)
    torch.testing.assert_close(comparative_loss(losses), rows.mean())
    torch.testing.assert_close(comparative_loss(losses, reduction="sum"), rows.sum())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_float_dtypes(dtype):
    losses = torch.tensor([[2.0, 1.0, 4.0]], dtype=dtype, requires_grad=True)
    value = comparative_loss(losses)
    value.backward()
    assert value.dtype == losses.grad.dtype == comparison_weights(losses).dtype == dtype
    # pairs: 2−1, 2, 1, 4 (targets) over P = 6
    assert value.item() == pytest.approx(8 / 6, rel=1e-2)
    assert losses.grad.float().tolist()[0] == pytest.approx([2 / 6, 0 / 6, 1 / 6], abs=1e-3)


def test_extreme_losses_keep_finite_gradients():
    value, gradient = with_gradient(
        lambda rows: comparative_loss(rows, ranking="listmle", reduction="none"), [[1e4, 0.0, 1e-8]]
    )
    assert value.item() == pytest.approx(1e4 + 2 * log(3) + log(2), rel=1e-7)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("primary", ["max", "mean", "full", "most_ablated"])
def test_primary_with_regularizer_by_hand(primary):
    losses = torch.tensor([[3.0, 1.0, 2.0]], dtype=torch.float64)
    base = {"max": 3.0, "mean": 2.0, "full": 3.0, "most_ablated": 2.0}[primary]
    # pairs 3−1, 3−2 and 1−2 (clamped), over 3, divided by T = 2, times w = 0.5
    expected = base + 0.5 * (2 + 1 + 0) / 3 / 2
    value = primary_loss(losses, primary=primary, ranking_weight=0.5, temperature=2.0)
    assert value.item() == pytest.approx(expected, abs=1e-12)


def test_violations_are_strict():
    losses = torch.tensor([[1.0, 1.0, 1.0], [1.0, 2.0, 0.9], [1.0, 2.0, 3.0]])
    assert violations(losses).tolist() == [False, True, False]
    assert violations(losses[:, :1]).tolist() == [False, False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "ideal"}, "target='ideal' is unknown; allowed: ultra, first, best"),
        ({"ranking": "softmax"}, "ranking='softmax' is unknown; allowed: hinge, listmle"),
        ({"temperature": 0.0}, "temperature=0.0 must be positive"),
        ({"temperature": float("nan")}, "temperature=nan must be positive"),
        ({"reduction": "batch"}, "reduction='batch' is unknown; allowed: mean, sum, none"),
    ],
)
def test_unknown_options_list_the_allowed_ones(options, message):
    with pytest.raises(ValueError, match=message):
        comparative_loss(torch.ones(1, 2), **options)


def test_bad_primary_options():
    with pytest.raises(ValueError, match="primary='avg' is unknown; allowed: max, mean, full, most_ablated"):
        primary_loss(torch.ones(1, 2), primary="avg")
    with pytest.raises(ValueError, match=r"ranking_weight=-1\.0 must not be negative"):
        primary_loss(torch.ones(1, 2), ranking_weight=-1.0)
    with pytest.raises(ValueError, match=r"losses must have shape \(…, 1\+c\)"):
        comparative_loss(torch.tensor(1.0))


def test_integers_are_refused():
    with pytest.raises(ValueError, match=r"losses must be floating-point numbers; got torch\.int64"):
        comparative_loss(torch.tensor([[5, 3]]))


def test_options_of_the_regularizer_are_checked_without_it():
    with pytest.raises(ValueError, match="ranking='softmax' is unknown"):
        primary_loss(torch.ones(1, 2), ranking="softmax")
