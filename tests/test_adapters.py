"""LoRA on nine architectures: its formula, what is trained, its dropout, gradients, and that peft alone loads it."""

import warnings
from itertools import product

import pytest
import torch
from peft import PeftModel

from cmploss.ablation import dropout_sites, nested_dropout
from cmploss.ablation.dropout import verify_nested_dropout
from cmploss.adapters import base_of, save_adapter
from cmploss.errors import UserError
from cmploss.model_config import Lora, ModelConfig
from cmploss.models import add_lora
from tests.covering import pairwise
from tests.settings import OF_EVERY_HEAD, SETTINGS, build_objective
from tests.tiny import ARCHITECTURES, batch_of, inputs_of, model_of, pooled_of

EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES)
NAME = "org/base@abc"


def adapted(architecture="Bert", head="single_label", *, started=False, lora="r=2", **config):
    """A model with LoRA; ``started`` as after some steps: B is not 0."""
    model = add_lora(model_of(architecture, head, **config), Lora.parse(lora), NAME)
    for name, value in model.named_parameters() if started else ():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.3)
    return model


def test_a_layer_is_its_formula():
    model = adapted(started=True, lora="r=2,alpha=6,dropout=0,target_modules=query").eval()
    layer = model.get_base_model().bert.encoder.layer[0].attention.self.query
    x = torch.randn(3, 16)
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    expected = x @ layer.base_layer.weight.T + layer.base_layer.bias + 6 / 2 * (x @ a.T) @ b.T
    torch.testing.assert_close(layer(x), expected)
    assert Lora.parse("r=4").scale == 8


@EVERY
def test_matrices_and_the_head_are_trained_and_peft_alone_loads_them(architecture, tmp_path):
    model = adapted(architecture, started=True)
    base = model.get_base_model()
    inside = {id(each) for each in base.base_model.parameters()}
    for name, value in model.named_parameters():
        wanted = "lora_" in name or id(value) not in inside or "pooler" in name
        assert value.requires_grad == (wanted and "original_module" not in name), name
    assert any("lora_A" in name for name, _ in model.named_parameters())
    with torch.no_grad():
        for value in model.parameters():
            value += 0.01 * value.requires_grad
    expected = model.eval()(**inputs_of()).logits
    save_adapter(model, tmp_path)
    assert base_of(str(tmp_path)) == NAME
    torch.manual_seed(99)
    fresh = model_of(architecture)
    for name, value in fresh.named_parameters():
        if id(value) not in {id(each) for each in fresh.base_model.parameters()} or "pooler" in name:
            torch.nn.init.normal_(value)  # as from a checkpoint without these weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        loaded = PeftModel.from_pretrained(fresh, str(tmp_path))
    torch.testing.assert_close(loaded.eval()(**inputs_of()).logits, expected)


@EVERY
@pytest.mark.parametrize("rate", [0.1, 0])
def test_its_dropout_is_ablated_also_before_the_first_step(architecture, rate):
    model = adapted(architecture, lora=f"r=2,dropout={rate}")
    own = [site for site in dropout_sites(model) if "lora_dropout" in site.name]
    assert len(own) == sum("lora_A" in name for name, _ in model.named_parameters())
    assert {site.rate for site in own} == {rate}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    verify_nested_dropout(model, lambda: model(**inputs_of()).logits, p=None if rate else 0.2)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_only_its_own_dropout_makes_the_submodels_of_a_model_without_dropout():
    model = adapted("Qwen3", started=True)
    with torch.no_grad():
        full, one, two = (masked(model, power) for power in (0, 1, 2))
        torch.testing.assert_close(full, model.eval()(**inputs_of()).logits)
    assert not torch.equal(full, one)
    assert not torch.equal(one, two)


def masked(model, power):
    with nested_dropout(model, power, seed=1):
        return model(**inputs_of()).logits


LORA_CASES = [(name, head, architecture) for name, head in OF_EVERY_HEAD for architecture in ("Bert", "Qwen3")]
LORA_CASES = [case for case in LORA_CASES if case[1] != "choice" or case[2] == "Bert"]


@pytest.mark.parametrize(("name", "head", "architecture"), pairwise(LORA_CASES))
def test_every_objective_and_engine(name, head, architecture):
    if "scl" in name and architecture == "Qwen3":
        architecture = "ModernBert"  # the first token of a decoder has not read the text
    settings = {**SETTINGS[name].settings, "dropout_p": 0.2}
    batch, found = SETTINGS[name].batch(batch_of(head)), []
    for engine in ("joint", "two_pass"):
        model = adapted(architecture, head, started=True)
        torch.manual_seed(3)
        build_objective(name, {**settings, "engine": engine})(model, batch).loss.backward()
        assert not any(each.grad is not None and not each.requires_grad for each in model.parameters())
        found.append(torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None]))
    joint, two_pass = found
    assert joint.norm() > 1e-3
    assert (two_pass - joint).norm() <= 1e-6 * joint.norm()


@pytest.mark.parametrize(("checkpointing", "engine"), list(product([False, True], ["joint", "two_pass"])))
def test_a_classifier_that_pools(checkpointing, engine):
    model = add_lora(pooled_of(), Lora.parse("r=2"), NAME)
    if checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    torch.manual_seed(3)
    build_objective("comparative", {"n_drop": 2, "engine": engine})(model, batch_of()).loss.backward()
    trained = {name for name, value in model.named_parameters() if value.grad is not None}
    assert {name for name in trained if "lora_" not in name} == {"classifier.weight", "classifier.bias"}
    assert sum("lora_B" in name for name in trained) == 12  # 6 linear layers in each of 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is none of r, alpha, dropout, target_modules; write settings as in r=8,alpha=16"),
        ("8", "'8' is none of r, alpha"),
        ("rank=8", "'rank' is none of r, alpha"),
        ("r=8,r=4", "'r' is there twice"),
        ("r=eight", "r must be as in r=8, got 'eight'"),
        ("r=1.5", r"r must be as in r=8, got '1\.5'"),
        ("alpha=16", "r and alpha must be >= 1"),
        ("r=0", "r and alpha must be >= 1"),
        ("r=8,alpha=-1", "r and alpha must be >= 1"),
        ("r=8,dropout=1", "dropout at least 0 and below 1"),
        ("r=8,dropout=nan", "dropout at least 0 and below 1"),
        ("r=8,target_modules=", "target_modules must be as in target_modules=query[+]value, got ''"),
        ("r=8,target_modules=query+", "target_modules must be as in target_modules=query[+]value"),
    ],
)
def test_wrong_settings(text, message):
    with pytest.raises(UserError, match=message):
        ModelConfig(lora=text)


def test_what_does_not_fit(monkeypatch):
    with pytest.raises(UserError, match="=q_proj is no linear layer of the encoder; its layers: dense, key"):
        adapted(lora="r=2,target_modules=query+q_proj")
    with pytest.raises(UserError, match="target_modules=pooler is no linear layer"):
        adapted(lora="r=2,target_modules=pooler")
    for option in ({"freeze": "1"}, {"reinit_layers": 1}):
        with pytest.raises(UserError, match="--lora trains no layer of the encoder itself; leave --"):
            ModelConfig(lora="r=2", **option)
    monkeypatch.setattr("cmploss.model_config.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--lora needs peft; install it with: pip install 'cmploss\[peft\]'"):
        ModelConfig(lora="r=2")
