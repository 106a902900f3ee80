"""Losses and answers: equal to transformers' own, whatever the batch."""

import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, WatermarkingConfig

from cmploss import CmpCrop, CmpDrop, Comparative, EqualCompute, RDrop, Supervised
from cmploss.objectives import task_loss_for
from cmploss.objectives.comparative import Weighted
from cmploss.objectives.distill import Distill
from cmploss.objectives.task_loss import divergences, head_of
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.rag.generate import Generated, PromptCollator, distractor_scores, generated, lists_of, scores_of
from cmploss.tasks.rag.rag_views import RagViews
from tests.local_generator import save_generator
from tests.tasks.rag.questions import prompts_of, question

KINDS = ("gpt2", "qwen", "t5")
QUESTIONS = [
    question("lovely lamp is so", "dead door", answer="lovely lamp", name="a"),
    question("quick", answer="quick", name="b"),
    question("the hub is bright and new", "slow lamp", "noisy", answer="bright", name="c"),
]


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    folder = save_generator(tmp_path_factory.mktemp(request.param), request.param)
    return (AutoModelForSeq2SeqLM if request.param == "t5" else AutoModelForCausalLM).from_pretrained(folder).train()


@pytest.fixture
def prompts(model):
    return prompts_of(causal=not model.config.is_encoder_decoder)


def losses_of(model, batch):
    labels = {"labels": batch["labels"]}
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    return task_loss_for(model, labels)(model(**inputs), labels)


def test_the_loss_of_an_example_is_that_of_transformers(model, prompts):
    model.eval()
    assert head_of(model, {"labels": torch.zeros(1, 1)}) == ("CausalLM" if prompts.causal else "Seq2SeqLM")
    for asked in QUESTIONS:
        encoded = prompts.encoded(asked)
        labels = encoded["labels"]
        if prompts.causal:  # of every token, as transformers takes them
            labels = [-100] * (len(encoded["input_ids"]) - len(labels) + 1) + labels[1:]
        ids = torch.tensor([encoded["input_ids"]])
        own = model(input_ids=ids, labels=torch.tensor([labels])).loss
        ours = losses_of(model, PromptCollator(prompts, model)([encoded]))
        assert math.isclose(ours.item(), own.item(), abs_tol=1e-6)


def test_padding_changes_no_loss_and_no_answer(model, prompts):
    model.eval()
    collate = PromptCollator(prompts, model)
    rows = [prompts.encoded(asked) for asked in QUESTIONS]
    together, alone = losses_of(model, collate(rows)), torch.cat([losses_of(model, collate([row])) for row in rows])
    assert len({len(row["input_ids"]) for row in rows}) == 3
    assert (together - alone).abs().max() < 1e-6
    found = [generated(model, prompts, QUESTIONS, batch_size=size) for size in (1, 2, 3, None)]
    assert len({tuple(each.answers) for each in found}) == 1
    assert max(np.abs(each.losses - found[0].losses).max() for each in found) < 1e-6


def test_causal_prompts_are_padded_on_the_left_and_only_the_last_logits_are_computed(model, prompts):
    batch = PromptCollator(prompts, model)([prompts.encoded(asked) for asked in QUESTIONS])
    if not prompts.causal:
        assert batch["attention_mask"][:, 0].all()
        return
    assert batch["attention_mask"][:, -1].all()
    assert batch["position_ids"][batch["attention_mask"] > 0].min() == 0
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    assert model(**inputs).logits.shape[1] == batch["labels"].shape[1] == 4  # −100, and the longest answer of 3 tokens


def batch_of_views(model, prompts, n_crop=1):
    views = RagViews(QUESTIONS, prompts, CmpCrop(n_crop), seed=1)
    collate = PromptCollator(prompts, model)
    return {"views": [collate(view) for view in zip(*(views[i] for i in range(3)), strict=True)]}


@pytest.mark.parametrize(
    "objective",
    [Comparative(CmpDrop(1, p=0.3), CmpCrop(1)), EqualCompute(CmpCrop(1)), Weighted(CmpCrop(1), primary="max")],
    ids=lambda each: type(each).__name__,
)
def test_gradients_of_both_engines_agree(model, prompts, objective):
    batch = batch_of_views(model, prompts)

    def gradient(engine):
        torch.manual_seed(0)
        model.train().zero_grad()
        settings = {**vars(objective), "engine": engine}
        ablations = settings.pop("ablations")
        type(objective)(*ablations, **settings)(model, batch).loss.backward()
        return torch.cat([value.grad.flatten() for value in model.parameters() if value.grad is not None])

    joint, two_pass = gradient("joint"), gradient("two_pass")
    assert joint.abs().max() > 1e-3
    assert (joint - two_pass).abs().max() < 1e-6


def test_rdrop_compares_the_tokens_of_answers(model, prompts):
    batch = batch_of_views(model, prompts, 0)
    torch.manual_seed(0)
    found = RDrop(base=Supervised(p=0.3))(model, batch)
    assert found.logs["divergence"] > 0
    (view,) = batch["views"]
    labels = {"labels": view["labels"]}
    inputs = {name: value for name, value in view.items() if name != "labels"}
    shift = 1 if prompts.causal else 0
    torch.manual_seed(0)
    one, two = (model(**inputs) for _ in range(2))
    expected = []
    for row in range(3):
        tokens = [t for t in range(view["labels"].shape[1] - shift) if view["labels"][row, t + shift] != -100]
        each = []
        for token in tokens:
            p, q = (outputs.logits[row, token].softmax(-1) for outputs in (one, two))
            each.append((((p - q) * (p.log() - q.log())).sum() / 2).item())
        expected.append(sum(each) / len(each))
    assert torch.allclose(divergences(model, (one, two), labels), torch.tensor(expected), atol=1e-6)


def test_a_teacher_of_its_own_predictions_teaches_nothing(model, prompts, tmp_path):
    batch = batch_of_views(model, prompts, 0)
    model.save_pretrained(tmp_path)
    with torch.no_grad():
        next(iter(model.parameters())).mul_(1.5)
        moved = Distill(str(tmp_path), base=Supervised(dropout=False))(model, batch).logs["distillation"]
        next(iter(model.parameters())).div_(1.5)
    same = Distill(str(tmp_path), base=Supervised(dropout=False))(model, batch).logs["distillation"]
    assert abs(same) < 1e-6 < moved


def answers_of(questions, *texts):
    return Generated(questions, list(texts), -np.log([0.5, 0.25, 1.0]))


def test_scores_are_means_over_questions():
    found = answers_of(QUESTIONS, "a lovely door", "Quick!", "dead")
    # F1 of "lovely door" and "lovely lamp": 2 · 1 / (2 + 2)
    assert lists_of(found) == {
        "f1": [50.0, 100.0, 0.0],
        "exact_match": [0.0, 100.0, 0.0],
        "likelihood": pytest.approx([50.0, 25.0, 100.0]),
    }
    assert scores_of(found) == pytest.approx({"f1": 50, "exact_match": 100 / 3, "likelihood": 175 / 3})


def test_the_distractor_curve_reads_evidence_and_the_first_distractors_and_nothing_twice():
    read = []

    def run(questions: list[Question]):
        read.append([[segment.text for segment in asked.segments] for asked in questions])
        return Generated(questions, [asked.segments[-1].text for asked in questions], np.full(len(questions), 0.5))

    found = distractor_scores(run, answers_of(QUESTIONS, "dead door", "quick", "noisy"), (0, 1, 2))
    hub = "the hub is bright and new"
    assert read == [[["lovely lamp is so"], [hub]], [[hub, "slow lamp"]]]
    # The first and the last question get another answer with one distractor, and the last one another with two.
    assert [found[count]["answers_changed"] for count in (0, 1, 2)] == pytest.approx([0, 200 / 3, 200 / 3])
    assert found[0]["exact_match"] == pytest.approx(100 / 3)
    assert found[2]["likelihood"] == pytest.approx(175 / 3)


def test_the_loss_does_not_depend_on_the_cache_of_the_prompt(model, prompts, monkeypatch):
    model.eval()
    found = generated(model, prompts, QUESTIONS, batch_size=2)
    single = [losses_of(model, PromptCollator(prompts, model)([prompts.encoded(asked)])).item() for asked in QUESTIONS]
    monkeypatch.setattr("cmploss.tasks.rag.generate._keeps_all", lambda cache: False)
    whole = generated(model, prompts, QUESTIONS, batch_size=2)
    assert np.abs(found.losses - single).max() < 1e-6
    assert np.abs(whole.losses - single).max() < 1e-6
    assert found.answers == whole.answers


@pytest.mark.parametrize(
    "settings",
    [
        {"repetition_penalty": 9.0},
        {"no_repeat_ngram_size": 1},
        {"min_length": 40},
        {"min_new_tokens": 4},
        {"suppress_tokens": list(range(3, 12))},
        {"begin_suppress_tokens": list(range(3, 12))},
        {"bad_words_ids": [[number] for number in range(3, 12)]},
        {"forced_eos_token_id": 0},
        {"do_sample": True, "temperature": 9.0},
        {"num_beams": 3},
        {"penalty_alpha": 0.6, "top_k": 4},
        {"watermarking_config": WatermarkingConfig(bias=9.0)},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_answers_are_greedy_whatever_the_checkpoint_says(model, prompts, settings, monkeypatch):
    expected = generated(model, prompts, QUESTIONS, batch_size=3).answers
    for name, value in settings.items():
        monkeypatch.setattr(model.generation_config, name, value)
    assert generated(model, prompts, QUESTIONS, batch_size=3).answers == expected
