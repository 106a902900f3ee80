"""Submodels with fewer layers: outputs of models that are built so small, from one forward pass."""

from copy import deepcopy
from itertools import product

import pytest
import torch

from cmploss import CmpDrop, CmpLayer, Comparative, EqualCompute, Supervised
from cmploss.ablation import Variant, variants_of
from cmploss.ablation.depths import at_depths, cut_layers, layer_stack, verify_depths
from cmploss.cpu import RandomBits
from cmploss.engine.passes import Pass
from cmploss.losses import comparative_loss
from cmploss.losses.per_example import classification_losses
from tests.tiny import ARCHITECTURES, batch_of, inputs_of, model_of, pooled_of

BUILDS = [(build, name) for build, name in product((model_of, pooled_of), ARCHITECTURES) if name != "Albert"]
BUILDS.remove((pooled_of, "Qwen3"))  # a decoder


def deep(build=model_of, architecture="Bert", layers=3, **config):
    """Weights large enough that every layer matters."""
    name = "n_layers" if architecture == "DistilBert" else "num_hidden_layers"
    model = build(architecture, **{name: layers}, **config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return model


class Compiled(torch.nn.Module):
    """As torch.compile wraps a model; importing it takes seconds."""

    def __init__(self, model):
        super().__init__()
        self._orig_mod = model


def small(model, build, architecture, layers):
    """A new model of so many layers with the weights of another, built by transformers from its configuration."""
    found = deep(build, architecture, layers)
    weights = model.state_dict()
    found.load_state_dict({name: weights[name] for name in found.state_dict()})
    return found


@pytest.mark.parametrize(("build", "architecture"), BUILDS)
def test_outputs_are_those_of_a_model_with_so_many_layers(build, architecture):
    model, inputs = deep(build, architecture).eval(), inputs_of()
    calls = []
    for layer in layer_stack(model).layers:
        layer.register_forward_hook(lambda *_: calls.append(1))
    full, *found = at_depths(model, [None, 2, 1], lambda: model(**inputs).logits)
    assert len(calls) == 3  # every layer once
    assert torch.equal(full, model(**inputs).logits)
    for layers, logits in zip((2, 1), found, strict=True):
        expected = small(model, build, architecture, layers).eval()(**inputs).logits
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-6)
        assert (logits - full).abs().max() > 1e-2
        cut = deepcopy(model)
        cut_layers(cut, layers)
        torch.testing.assert_close(cut(**inputs).logits, expected, rtol=0, atol=1e-6)
        assert sorted(cut.state_dict()) == sorted(small(model, build, architecture, layers).state_dict())
        cut.config.validate()


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("architecture", ["Bert", "ModernBert"])
def test_the_gradient_is_that_of_three_separate_models(architecture, checkpointing):
    model, batch = deep(architecture=architecture), batch_of()
    losses = []
    for layers in (3, 2, 1):  # one after the other, without one forward pass for all
        with layer_stack(model).segment(layers):
            logits = model.eval()(**{k: v for k, v in batch.items() if k != "labels"}).logits
        losses.append(classification_losses(logits, batch["labels"]))
    expected = torch.autograd.grad(comparative_loss(torch.stack(losses, -1)), list(model.parameters()))
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    output = Comparative(CmpLayer((2, 1), exit_gradient=1.0))(model.train(), batch)
    assert list(output.logs)[:3] == ["loss_full", "loss_layers2", "loss_layers1"]
    output.loss.backward()
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("others", [(), (CmpDrop(1, p=0.4),)])
def test_layers_get_a_part_of_the_gradient_of_submodels_and_the_head_all_of_it(others):
    model, batch = deep(), batch_of()

    def step(objective):
        torch.manual_seed(0)
        model.zero_grad()
        loss = objective(model.train(), batch).loss
        loss.backward()
        return loss, {name: value.grad.clone() for name, value in model.named_parameters()}

    layers = [CmpLayer((2, 1), exit_gradient=share) for share in (0.0, 0.25, 1.0)]
    (_, without), (loss, found), (expected, whole) = [step(EqualCompute(*others, each)) for each in layers]
    full, variants = step(Supervised(dropout=False))[1], len(variants_of(*others, *layers[:1]))
    assert torch.equal(loss, expected)
    for name, gradient in found.items():
        inside = "embeddings" in name or "encoder.layer" in name
        expected = without[name] + 0.25 * (whole[name] - without[name]) if inside else whole[name]
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)
        if inside:
            torch.testing.assert_close(without[name], full[name] / variants, rtol=1e-4, atol=1e-6)


def test_the_plan_nests_with_crops_before_layers_before_dropout():
    plan = variants_of(CmpDrop(2), CmpLayer((4, 2)))
    assert [(each.layers, each.power) for each in plan] == [(None, 0), (4, 0), (4, 1), (2, 1), (2, 2)]
    assert all(later.ablates(earlier) for number, later in enumerate(plan) for earlier in plan[:number])
    assert not any(earlier.ablates(later) for number, later in enumerate(plan) for earlier in plan[:number])


@pytest.mark.parametrize("power", [1, None])
def test_dropout_of_a_submodel_is_that_of_its_own_pass(power):
    """Before, in and after the layers: a submodel drops the same units with and without the deeper model."""
    model, inputs, bits = deep(hidden_dropout_prob=0.4, classifier_dropout=0.4), inputs_of(), RandomBits(5)
    plan = [Variant(power), Variant(power, layers=2), Variant(power, layers=1)]
    together = Pass(model, inputs, plan, bits)()
    for number in (1, 2):
        (alone,) = Pass(model, inputs, [plan[number]], bits)()
        torch.testing.assert_close(together[number].logits, alone.logits, rtol=0, atol=1e-6)
    (other,) = Pass(model, inputs, [plan[1]], RandomBits(6))()
    assert (together[1].logits - other.logits).abs().max() > 1e-2


def test_the_head_drops_the_same_units_at_every_depth_and_more_at_a_higher_power():
    model, inputs, bits = deep(pooled_of, hidden_dropout_prob=0.4), inputs_of(), RandomBits(5)
    dropped = []
    model.classifier.register_forward_pre_hook(lambda _, given: dropped.append(given[0] == 0))
    Pass(model, inputs, [Variant(1, layers=2), Variant(1, layers=1)], bits)()
    Pass(model, inputs, [Variant(2, layers=1)], bits)()
    two, one, more = dropped
    assert torch.equal(two, one)
    assert two.any()
    assert (more & two).sum() == two.sum() < more.sum()


def test_after_a_pass_the_model_is_as_before():
    model, inputs = deep(), inputs_of()
    before, stack = list(model.modules()), layer_stack(model)
    hooks = [len(layer._forward_hooks) for layer in stack.layers]
    with pytest.raises(ZeroDivisionError):
        at_depths(model, [None, 1], lambda: 1 / 0)
    at_depths(model, [2, 1], lambda: model(**inputs))
    assert list(model.modules()) == before
    assert [len(layer._forward_hooks) for layer in stack.layers] == hooks


@pytest.mark.parametrize(
    ("model", "depths", "message"),
    [
        (
            lambda: model_of("Albert"),
            (1,),
            "AlbertForSequenceClassification has no list of 2 layers .* use a model such",
        ),
        (lambda: deep(), (3,), "layers=3 must be from 1 to 2; the model has 3 layers"),
        (lambda: torch.nn.Linear(1, 1), (1,), "Linear has no list of 0 layers"),
        (lambda: Compiled(deep()), (1,), "leave torch_compile out"),
    ],
)
def test_refusals_name_the_remedy(model, depths, message):
    with pytest.raises(ValueError, match=message):
        at_depths(model(), [None, *depths], lambda: None)


@pytest.mark.parametrize("power", [0, None])
def test_reentrant_checkpointing_is_refused(power):
    model = deep()
    model.activation_checkpointing_enable({"use_reentrant": True})
    with pytest.raises(ValueError, match="use_reentrant': False"):
        Pass(model, inputs_of(), [Variant(power), Variant(power, layers=1)], RandomBits(0))()


@pytest.mark.parametrize("depths", [(), (2, 4), (2, 2), (2, 0)])
def test_depths_must_descend(depths):
    with pytest.raises(ValueError, match="in descending order, as in"):
        CmpLayer(depths)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_the_part_of_the_gradient_is_between_0_and_1(share):
    with pytest.raises(ValueError, match=r"exit_gradient=.* must lie in \[0, 1\]"):
        CmpLayer((4, 2), exit_gradient=share)


def test_a_model_whose_layers_pass_more_than_their_output_is_found_out():
    model = deep()
    state = {}

    def remember(layer, inputs, output):
        state["seen"] = state.get("seen", 0) + 1
        return output + state["seen"]

    layer_stack(model).layers[0].register_forward_hook(remember)
    with pytest.raises(RuntimeError, match="more than the output of a layer goes from layer to layer"):
        verify_depths(model, [1], lambda: model(**inputs_of()).logits)
