"""``torch.compile``: a plan is exact, or it is refused in one line."""

import pytest
import torch

from cmploss import (
    CmpCrop,
    CmpDrop,
    Comparative,
    LoL,
    ObjectiveTrainer,
    RDrop,
    Supervised,
    SupervisedContrastive,
    nested_dropout,
)
from cmploss.ablation import dropout
from cmploss.ablation.sites import is_compiled
from cmploss.cpu.fast_dropout import FastDropout
from cmploss.engine.engines import check_compiled
from tests.tiny import batch_of, batch_of_views, model_of
from tests.training.helpers import arguments, examples_of

pytestmark = pytest.mark.filterwarnings("ignore")  # the compiler's own
NO_MASKS_TWICE = {
    "supervised": Supervised(),
    "scl": SupervisedContrastive(0.7),
    "comparative+rdrop": RDrop(2.0, base=Comparative(CmpDrop(1)), engine="joint"),
    "crops": Comparative(CmpCrop(1, dropout="off"), engine="two_pass"),
}
SAME_MASKS = r"^the passes {} and {} need the same dropout masks, .*; train without torch_compile$"
REPLAY = r"^engine two_pass repeats dropout masks, .*; use engine='joint' \(--engine joint\), or train without"
REFUSED = {
    "two drops": (Comparative(CmpDrop(2), engine="joint"), SAME_MASKS.format("drop1", "drop2")),
    "drop and crop": (Comparative(CmpDrop(1), CmpCrop(2)), SAME_MASKS.format("crop1_drop1", "crop2_drop1")),
    "crops with dropout": (Comparative(CmpCrop(1)), SAME_MASKS.format("dropout", "crop1_dropout")),
    "lol": (LoL(1.0, revisions=2), SAME_MASKS.format("dropout", "crop1_dropout")),
    "scl over drops": (SupervisedContrastive(base=Comparative(CmpDrop(2))), SAME_MASKS.format("drop1", "drop2")),
    "replayed drop": (Comparative(CmpDrop(1), engine="two_pass"), REPLAY),
    "replayed draw": (RDrop(1.0, engine="two_pass"), REPLAY),
    "auto": (RDrop(1.0, base=Comparative(CmpDrop(1))), REPLAY),
}


def batch_for(objective):
    views = 1 + max(variant.view for variant in objective.variants)
    return batch_of_views(*(12, 9, 5)[:views]) if views > 1 else batch_of()


def model_for(objective):
    head = "span" if "views" in batch_for(objective) else "single_label"
    rates = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.3}
    return model_of(head=head, num_hidden_layers=1, **rates)


def step(model, objective, batch, seed):
    torch.manual_seed(seed)
    model.zero_grad()
    loss = objective(model, batch).loss
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).clone()


@pytest.mark.parametrize("name", NO_MASKS_TWICE)
def test_losses_and_gradients_are_those_of_the_model_with_pytorchs_dropout(name, monkeypatch):
    objective, batch = NO_MASKS_TWICE[name], batch_for(NO_MASKS_TWICE[name])
    model = model_for(objective)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager")
    assert is_compiled(compiled)
    found = [step(compiled, objective, batch, seed) for seed in (3, 4)]
    monkeypatch.setattr(dropout, "fast_dropout", lambda model, bits, rows, enabled: FastDropout(bits, enabled=False))
    expected = [step(model, objective, batch, seed) for seed in (3, 4)]
    for (loss, gradient), (other, right) in zip(found, expected, strict=True):
        assert loss == pytest.approx(other, rel=1e-6)
        assert (gradient - right).norm() <= 1e-5 * right.norm()
    random = any(variant.power != 0 for variant in objective.variants)
    assert (expected[0][0] != expected[1][0]) is random  # control: the seeds have masks of their own


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_the_same_masks_twice_is_refused(name, tmp_path):
    objective, message = REFUSED[name]
    compiled = torch.compile(model_for(objective), backend="eager")
    with pytest.raises(ValueError, match=message):
        objective(compiled, batch_for(objective))
    options = {"torch_compile": True, "torch_compile_backend": "eager"}
    with pytest.raises(ValueError, match=message):
        ObjectiveTrainer(
            model=model_of(), args=arguments(tmp_path, **options), objective=objective, train_dataset=examples_of()
        )


def test_nested_dropout_of_a_compiled_model_is_refused():
    compiled = torch.compile(model_of(), backend="eager")
    with nested_dropout(compiled, 0, seed=0):
        pass
    with (
        pytest.raises(ValueError, match=r"draws its own masks; give the model before torch\.compile"),
        nested_dropout(compiled, 1, seed=0),
    ):
        pass


def test_the_check_of_dropout_compiles_nothing(tmp_path):
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    model = model_of(hidden_dropout_prob=0.3)
    trainer = ObjectiveTrainer(
        model=model, args=arguments(tmp_path), objective=Comparative(CmpDrop(1)), train_dataset=examples_of()
    )
    trainer._verify_submodels_once(torch.compile(model, backend=backend), {"input_ids": batch_of()["input_ids"]})
    assert graphs == []
    assert trainer._verified


def test_every_objective_with_one_pass_is_accepted():
    for objective in (Supervised(), Comparative(CmpCrop(2, dropout="off"))):
        assert check_compiled(objective.variants, "two_pass") is None
