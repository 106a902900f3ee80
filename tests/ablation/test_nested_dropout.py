"""Nested dropout on nine architectures: eval mode at power 0, exact rates, nested masks, state as found."""

from itertools import combinations, product

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cmploss.ablation import dropout_sites, nested_dropout
from cmploss.ablation.dropout import ablated_rate, verify_nested_dropout
from tests.covering import pairwise
from tests.tiny import ARCHITECTURES, NO_OWN_DROPOUT, inputs_of, model_of

EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES)


def base_rate(architecture):
    return 0.2 if architecture in NO_OWN_DROPOUT else None


def logits(model, **options):
    with torch.no_grad():
        return model(**inputs_of(**options)).logits


def state_of(model):
    sites = [(site.name, site.rate, getattr(site.owner, site.attribute)) for site in dropout_sites(model)]
    return sites, [module.training for module in model.modules()], torch.get_rng_state().tolist()


class Masks(TorchFunctionMode):
    """Records rate and kept units of every ``F.dropout`` call, and the rate of every SDPA call."""

    def __init__(self):
        super().__init__()
        self.kept, self.rates, self.attention_rates = [], [], []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is F.scaled_dot_product_attention:
            self.attention_rates.append(kwargs.get("dropout_p", 0.0))
        if function is not F.dropout:
            return function(*args, **kwargs)
        x, p, training = F_dropout_arguments(*args, **kwargs)
        mask = function(torch.ones_like(x), p, training)
        if training:
            self.kept.append(mask != 0)
            self.rates.append(p)
        return x * mask


def F_dropout_arguments(input, p=0.5, training=True, inplace=False):  # noqa: N802
    return input, p, training


def masks_of(model, power, seed, **options):
    with nested_dropout(model, power, seed=seed, **options), Masks() as masks:
        logits(model)
    return masks


def test_rates_compound():
    assert [ablated_rate(0.1, k) for k in range(5)] == pytest.approx([0, 0.1, 0.19, 0.271, 0.3439], abs=1e-15)
    assert ablated_rate(0.0, 7) == 0.0
    assert ablated_rate(0.99, 10_000) < 1.0


@EVERY
def test_power_0_equals_eval_mode(architecture):
    model = model_of(architecture)
    expected = logits(model.eval())
    for training in (True, False):
        with nested_dropout(model.train(training), 0, seed=3):
            assert torch.equal(logits(model), expected)


@EVERY
def test_power_1_is_on_in_either_mode_and_repeats_for_one_seed(architecture):
    model = model_of(architecture)
    for training in (True, False):
        model.train(training)
        outputs = []
        for power, seed in [(0, 1), (1, 1), (1, 1), (1, 2), (2, 1)]:
            with nested_dropout(model, power, seed=seed, p=base_rate(architecture)):
                outputs.append(logits(model))
        full, one, again, other_seed, two = outputs
        assert torch.equal(one, again)
        for different in (full, other_seed, two):
            assert not torch.equal(one, different)


@EVERY
def test_every_dropout_applied_has_the_ablated_rate(architecture):
    model = model_of(architecture, attention="eager")
    for power in (1, 3):
        masks = masks_of(model, power, 0, p=0.2)
        assert len(masks.rates) >= 2
        assert masks.rates == pytest.approx([1 - 0.8**power] * len(masks.rates))


@EVERY
def test_own_rates_are_the_base(architecture):
    model = model_of(architecture)
    for number, site in enumerate(dropout_sites(model)):
        if site.kind != "identity":
            setattr(site.owner, site.attribute, 0.01 * (number + 1))
    with nested_dropout(model, 2, seed=0):
        found = {site.name: site.rate for site in dropout_sites(model)}
    for number, name in enumerate(found):
        if not name.endswith("out_drop"):
            assert found[name] == pytest.approx(1 - (1 - 0.01 * (number + 1)) ** 2)


@EVERY
def test_masks_nest_and_differ_between_sites_and_rows(architecture):
    model = model_of(architecture, attention="eager")
    by_power = {power: masks_of(model, power, 5, p=0.3).kept for power in (1, 2, 3)}
    assert len(by_power[1]) == len(by_power[2]) == len(by_power[3]) >= 2
    for one, two, three in zip(*by_power.values(), strict=True):
        assert (one | ~two).all()
        assert (two | ~three).all()
    dropped = [(~torch.cat([kept.flatten() for kept in by_power[k]])).float().mean().item() for k in (1, 2, 3)]
    assert dropped == pytest.approx([0.3, 0.51, 0.657], abs=0.05)
    sites = by_power[1]
    pairs = [(a, b) for a, b in combinations(sites, 2) if a.shape == b.shape]
    assert pairs
    assert not any(torch.equal(a, b) for a, b in pairs)
    assert not any(torch.equal(site[0], site[1]) for site in sites)


@pytest.mark.parametrize("architecture", ["Bert", "Roberta", "Electra", "DistilBert", "ModernBert", "Qwen3"])
def test_sdpa_gets_the_ablated_rate(architecture):
    model = model_of(architecture, attention="sdpa")
    rates = masks_of(model, 2, 0, p=0.2).attention_rates
    assert rates == pytest.approx([1 - 0.8**2] * 2)
    assert masks_of(model, 0, 0, p=0.2).attention_rates == [0.0, 0.0]


@pytest.mark.parametrize(
    ("architecture", "p", "training"), pairwise(product(ARCHITECTURES, [None, 0.3], [True, False]))
)
def test_state_is_as_found_also_after_exceptions(architecture, p, training):
    model = model_of(architecture).train(training)
    next(model.children()).eval()  # modes must be restored one by one
    before = state_of(model)
    with nested_dropout(model, 2, seed=1, p=p or base_rate(architecture)):
        logits(model)
        assert state_of(model) != before
    assert state_of(model) == before
    with pytest.raises(KeyError), nested_dropout(model, 2, seed=1, p=p or base_rate(architecture)):
        raise KeyError(torch.rand(3))
    assert state_of(model) == before


def test_p_reaches_a_dropout_that_the_constructor_left_out():
    model = model_of("ModernBert")
    names = [site.name for site in dropout_sites(model) if site.kind == "identity"]
    assert names == ["model.layers.0.attn.out_drop", "model.layers.1.attn.out_drop"]
    with nested_dropout(model, 1, seed=0, p=0.25):
        assert [model.get_submodule(name).p for name in names] == pytest.approx([0.25, 0.25])
    assert all(isinstance(model.get_submodule(name), nn.Identity) for name in names)


def test_modules_in_eval_mode_inside_a_training_model_stay_off():
    model = model_of("Bert")
    model.bert.eval()
    with nested_dropout(model, 1, seed=0), Masks() as masks:
        logits(model)
    assert masks.rates == [0.1]  # the classifier's alone


@pytest.mark.parametrize("architecture", NO_OWN_DROPOUT)
def test_a_model_without_active_dropout_is_refused_with_the_remedy(architecture):
    model = model_of(architecture)
    with pytest.raises(ValueError, match=r"no active dropout .* CmpDrop\(1, p=0\.1\) or --dropout_p 0\.1"):
        nested_dropout(model, 1, seed=0).__enter__()
    with nested_dropout(model, 0, seed=0):
        pass


def test_bad_arguments():
    model = model_of("Bert")
    for options, message in [
        ({"power": -1}, "power=-1 must not be negative"),
        ({"power": 1, "p": 1.0}, r"p=1\.0 must lie in \[0, 1\)"),
        ({"power": 1, "p": -0.1}, r"p=-0\.1 must lie in \[0, 1\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            nested_dropout(model, seed=0, **options).__enter__()
    with nested_dropout(model, 1, seed=0), pytest.raises(RuntimeError, match="already active"):
        nested_dropout(model, 1, seed=0).__enter__()
    with nested_dropout(model, 1, seed=0):  # the refusal above left no trace
        pass


def test_attention_that_ignores_dropout_is_refused():
    model = model_of("Bert")
    model.config._attn_implementation = "flex_attention"
    with pytest.raises(ValueError, match="attention 'flex_attention' does not apply dropout"):
        nested_dropout(model, 1, seed=0).__enter__()


def test_layers_dropped_at_random_are_refused():
    model = model_of("Bert")
    model.bert.encoder.layerdrop = 0.1
    with pytest.raises(ValueError, match=r"bert\.encoder\.layerdrop=0\.1 drops whole layers"):
        nested_dropout(model, 1, seed=0).__enter__()


@EVERY
def test_verification_passes_for_every_architecture(architecture):
    model = model_of(architecture)
    before = state_of(model)
    verify_nested_dropout(model, lambda: logits(model), p=base_rate(architecture))
    assert state_of(model) == before


def test_verification_fails_for_dropout_out_of_reach():
    class Hidden(nn.Linear):
        def forward(self, x):
            return F.dropout(super().forward(x), 0.5, self.training)

    model = nn.Sequential(Hidden(8, 8), nn.Dropout(0.1))
    with pytest.raises(RuntimeError, match="Sequential is still random with every known dropout at rate 0"):
        verify_nested_dropout(model, lambda: model(torch.ones(4, 8)))


class RatesNotRead(nn.Linear):
    """An attribute that is called dropout and has no effect."""

    def __init__(self):
        super().__init__(8, 8)
        self.attention_dropout = 0.1


def test_verification_fails_for_dropout_without_effect():
    model = nn.Sequential(RatesNotRead(), nn.Dropout(0.0))

    def forward():
        return model(torch.ones(4, 8))

    verify_nested_dropout(model, forward, power=0)
    before = state_of(model)
    with pytest.raises(RuntimeError, match=r"no effect on Sequential: with rate 0\.5 at its 1 active"):
        verify_nested_dropout(model, forward)
    assert state_of(model) == before
    verify_nested_dropout(model, forward, p=1e-9)  # now the dropout module is active, whatever its rate


class ReplacesItsDropout(nn.Module):
    """In its first pass, as BigBird on short texts."""

    def __init__(self):
        super().__init__()
        self.part = nn.Dropout(0.5)
        self.seen = False

    def forward(self, x):
        if not self.seen:
            self.part, self.seen = nn.Dropout(0.5), True
        return self.part(x)


def test_modules_that_a_pass_replaces_are_found():
    model = ReplacesItsDropout()
    with (
        pytest.raises(RuntimeError, match="ReplacesItsDropout replaced modules in its first pass"),
        nested_dropout(model, 0, seed=0),
    ):
        assert (model(torch.ones(100)) == 0).any()  # dropout in a pass without dropout
    with nested_dropout(model, 0, seed=0):
        assert torch.equal(model(torch.ones(100)), torch.ones(100))


def test_parts_of_a_model_inside_a_block_are_refused_too():
    model = model_of("Bert")
    for outer, inner in [(model, model.bert), (model.bert, model)]:
        with nested_dropout(outer, 1, seed=0), pytest.raises(RuntimeError, match="already active"):
            nested_dropout(inner, 1, seed=0).__enter__()


def test_attention_is_checked_inside_wrappers():
    wrapper = nn.Module()
    wrapper.module = model_of("Bert")
    wrapper.module.config._attn_implementation = "flex_attention"
    with pytest.raises(ValueError, match="attention 'flex_attention' does not apply dropout"):
        nested_dropout(wrapper, 1, seed=0).__enter__()


def test_a_rate_of_one_is_a_rate():
    layer = nn.Dropout(1.0)
    x = torch.ones(8)
    with nested_dropout(layer, 0, seed=0):
        assert torch.equal(layer(x), x)
    with nested_dropout(layer, 1, seed=0):
        assert layer(x).sum() == 0
    assert layer.p == 1.0


def test_verification_keeps_running_means_and_names_batch_normalisation():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.1))
    before = {name: value.clone() for name, value in model.named_buffers()}
    with pytest.raises(RuntimeError, match="Sequential has batch normalisation"):
        verify_nested_dropout(model, lambda: model(torch.randn(8, 4)))
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


def test_a_negative_seed_is_refused_before_the_block():
    with pytest.raises(ValueError, match="seed=-1 must not be negative"), nested_dropout(nn.Dropout(0.5), 1, seed=-1):
        pytest.fail("the block was entered")
