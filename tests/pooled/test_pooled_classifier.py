"""Classifiers that pool: the formula, every objective and engine, dropout, checkpointing, the Trainer."""

from itertools import product

import pytest
import torch
from torch.nn import functional as F
from transformers import BertConfig

from cmploss import (
    CmpDrop,
    Comparative,
    ObjectiveTrainer,
    Supervised,
    SupervisedContrastive,
    supervised_contrastive_loss,
)
from cmploss.ablation import dropout_sites
from cmploss.ablation.dropout import verify_nested_dropout
from cmploss.engine import two_pass
from cmploss.pooled.pooled_classifier import PooledEncoderForSequenceClassification, Pooling
from cmploss.training.layers import reinit_top_layers
from tests.covering import pairwise
from tests.settings import SETTINGS, build_objective
from tests.tiny import ARCHITECTURES, PROBLEMS, batch_of, inputs_of, model_of, pooled_of
from tests.training.helpers import arguments, examples_of

ENCODERS = [name for name in ARCHITECTURES if name != "Qwen3"]
OF_TEXTS = [(name, head) for name, row in SETTINGS.items() for head in PROBLEMS if head in row.heads]


def gradient(model):
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).clone()


def pooled_by_hand(model, batch, mode):
    """One text at a time, without padding."""
    vectors = []
    for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
        states = model.encoder(input_ids=ids[mask.bool()][None])[0][0]
        vectors.append(states[0] if mode == "cls" else sum(states) / len(states))
    return torch.stack(vectors)


@pytest.mark.parametrize("mode", ["cls", "mean"])
@pytest.mark.parametrize("architecture", ENCODERS)
def test_logits_are_those_of_the_formula(architecture, mode):
    model, batch = pooled_of(architecture, pooling=mode).eval(), batch_of()
    batch["attention_mask"][0, 5:] = 0
    vectors = pooled_by_hand(model, batch, mode)
    expected = vectors @ model.classifier.weight.T + model.classifier.bias
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    torch.testing.assert_close(model(**inputs).logits, expected, rtol=1e-4, atol=1e-6)


def test_padding_on_the_left_and_in_half_precision():
    states, mask = torch.tensor([[[7.0], [2.0], [4.0]]]), torch.tensor([[0, 1, 1]])
    assert Pooling("mean")(states, mask).tolist() == [[3.0]]
    assert Pooling("cls")(states, mask).tolist() == [[2.0]]
    many = torch.ones(1, 4000, 1, dtype=torch.bfloat16)  # a sum in bfloat16 would stop at 256
    assert Pooling("mean")(many, torch.ones(1, 4000)).item() == 1.0
    with pytest.raises(ValueError, match="pooling='max' is unknown; choose from cls, mean"):
        Pooling("max")


def test_the_head_has_the_dropout_of_the_configuration():
    rates = {site.name: site.rate for site in dropout_sites(pooled_of(hidden_dropout_prob=0.3))}
    assert rates["dropout"] == 0.3
    assert pooled_of(classifier_dropout=0.2, hidden_dropout_prob=0.3).dropout.p == 0.2
    assert pooled_of("DistilBert", seq_classif_dropout=0.4).dropout.p == 0.4
    assert pooled_of("ModernBert").dropout.p == 0.0


@pytest.mark.parametrize(("head", "labels"), [(head, batch_of(head)["labels"]) for head in PROBLEMS])
def test_the_loss_of_the_model_is_that_of_transformers(head, labels):
    model, plain = pooled_of(head=head).eval(), model_of(head=head, problem_type=PROBLEMS[head]).eval()
    plain.classifier.weight.data.zero_()
    model.classifier.weight.data.zero_()
    plain.classifier.bias.data.copy_(torch.arange(len(plain.classifier.bias)) + 1.0)
    model.classifier.bias.data.copy_(plain.classifier.bias.data)
    batch = batch_of(head)
    torch.testing.assert_close(model(**batch).loss, plain(**batch).loss)
    assert model(**inputs_of(head)).loss is None


@pytest.fixture
def by_halves(monkeypatch):
    monkeypatch.setattr(two_pass, "LONG", 0)


@pytest.mark.parametrize(
    ("name", "head", "pooling", "checkpointing"),
    pairwise((*case, *more) for case in OF_TEXTS for more in product(["mean", "cls"], [False, True])),
)
def test_every_objective_on_both_engines(name, head, pooling, checkpointing, by_halves):
    found = []
    for engine in ("joint", "two_pass"):
        model, batch = pooled_of(head=head, pooling=pooling, hidden_dropout_prob=0.3), batch_of(head, size=8)
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        row = SETTINGS[name]
        objective = build_objective(name, {**row.settings, "engine": engine})
        torch.manual_seed(3)
        output = objective(model, row.batch(batch))
        output.loss.backward()
        assert set(row.logs) <= set(output.logs)
        found.append(gradient(model))
    assert found[0].norm() > 1e-3
    assert (found[0] - found[1]).norm() <= 1e-6 * found[0].norm()


def test_the_pooler_is_not_trained_and_everything_else_is():
    model = pooled_of()
    Supervised()(model, batch_of()).loss.backward()
    without = {name for name, value in model.named_parameters() if value.grad is None}
    assert without == {"encoder.pooler.dense.weight", "encoder.pooler.dense.bias"}
    assert not any(model.get_parameter(name).requires_grad for name in without)  # DDP waits for no gradient of it


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_dropout_is_under_control_in_every_attention(attention):
    model = pooled_of(attention=attention, hidden_dropout_prob=0.3)
    inputs = inputs_of()
    verify_nested_dropout(model, lambda: model(**inputs).logits)
    torch.manual_seed(0)
    output = Comparative(CmpDrop(2))(model, batch_of())
    assert output.logs["loss_drop2"] != output.logs["loss_full"]


def test_attention_and_checkpointing_can_be_changed_later():
    model, inputs = pooled_of().eval(), inputs_of()
    expected = model(**inputs).logits
    model.set_attn_implementation("eager")
    assert model.encoder.config._attn_implementation == "eager"
    torch.testing.assert_close(model(**inputs).logits, expected)
    model.activation_checkpointing_enable()
    assert model.is_activation_checkpointing
    model.activation_checkpointing_disable()
    assert not model.is_activation_checkpointing


def test_contrast_of_the_mean_over_tokens():
    model, batch = pooled_of(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0), batch_of(size=8)
    output = SupervisedContrastive(0.7, 0.2, base=Supervised(dropout=False))(model, batch)
    vectors = pooled_by_hand(model, batch, "mean")
    contrast = supervised_contrastive_loss(vectors, batch["labels"], temperature=0.2)
    task = F.cross_entropy(model.classifier(vectors), batch["labels"])
    torch.testing.assert_close(output.loss, 0.3 * task + 0.7 * contrast)
    first = supervised_contrastive_loss(pooled_by_hand(model, batch, "cls"), batch["labels"], temperature=0.2)
    assert abs(first - contrast) > 1e-3


def test_new_top_layers_are_drawn_as_the_encoder_draws_them():
    model = pooled_of()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 2.0)
    reinit_top_layers(model, 1)
    top, bottom = (model.encoder.encoder.layer[number].output.dense.weight for number in (1, 0))
    assert 0.005 < top.std() < 0.05
    assert torch.equal(bottom, torch.full_like(bottom, 2.0))


def trainer_of(folder, **options):
    model = pooled_of(hidden_dropout_prob=0.3)
    args = arguments(folder, **{"save_strategy": "steps", "save_steps": 2} | options)
    return ObjectiveTrainer(
        model=model, args=args, train_dataset=examples_of(), objective=Comparative(CmpDrop(1), engine="two_pass")
    )


def test_resuming_gives_the_same_model_bit_by_bit(tmp_path):
    whole = trainer_of(tmp_path)
    whole.train()
    resumed = trainer_of(tmp_path)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    first, second = (torch.nn.utils.parameters_to_vector(each.model.parameters()) for each in (whole, resumed))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.nn.utils.parameters_to_vector(pooled_of().parameters()))


def test_unused_columns_go_and_the_others_stay(tmp_path):
    trainer = trainer_of(tmp_path)
    trainer._set_signature_columns_if_needed()
    assert {"input_ids", "attention_mask", "token_type_ids", "labels"} <= set(trainer._signature_columns)


def test_a_shared_configuration_keeps_its_attention():
    encoder = model_of(attention="eager").base_model
    assert PooledEncoderForSequenceClassification(encoder, "mean").config._attn_implementation == "eager"
    assert isinstance(encoder.config, BertConfig)
