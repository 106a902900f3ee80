"""Distillation: what it computes on every head, how labels are matched, and what it refuses."""

import json
import math

import pytest
import torch

from cmploss import CmpDrop, Comparative, Distill, RDrop, Supervised
from cmploss.model_config import Lora
from cmploss.models import add_lora, save_model
from cmploss.objectives.teacher import load_teacher
from tests.settings import TEACHER
from tests.tiny import HEADS, batch_of, inputs_of, model_of, pooled_of

NAMES = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
OTHER_ORDER = {"id2label": {0: "c", 1: "a", 2: "b"}, "label2id": {"c": 0, "a": 1, "b": 2}}
NEW_PLACES = [1, 2, 0]  # where the teacher of the other order has a, b and c


class NoTokenizer:
    def save_pretrained(self, folder):
        pass


@pytest.fixture
def saved(tmp_path):
    """Saves a teacher, and returns its folder."""

    def save(model):
        save_model(model, NoTokenizer(), tmp_path / "teacher", "")
        return str(tmp_path / "teacher")

    return save


def kl(teacher, student, temperature):
    """T² · KL of two lists of logits, by loops."""
    p, q = ([math.exp(x / temperature) for x in logits] for logits in (teacher, student))
    p, q = ([x / sum(row) for x in row] for row in (p, q))
    return temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def divergence_by_row(head, teacher, student, batch, temperature):
    rows = []
    for row in range(len(batch["attention_mask"])):
        kept = batch["attention_mask"][row].bool()
        if head == "span":
            ends = [[each[name][row][kept].tolist() for each in (teacher, student)] for name in student]
            rows.append(sum(kl(*end, temperature) for end in ends) / 2)
            continue
        its, own = (each["logits"][row] for each in (teacher, student))
        if head == "tokens":
            places = (batch["labels"][row] != -100).nonzero().flatten().tolist()
            each = [kl(its[place].tolist(), own[place].tolist(), temperature) for place in places]
        elif head in ("multi_label", "rerank"):
            each = [kl([a, 0.0], [b, 0.0], temperature) for a, b in zip(its.tolist(), own.tolist(), strict=True)]
        elif head == "regression":
            each = [(its.item() - own.item()) ** 2]
        else:
            each = [kl(its.tolist(), own.tolist(), temperature)]
        rows.append(sum(each) / len(each))
    return rows


def logits_in_eval_mode(model, head):
    training = model.training
    with torch.no_grad():
        outputs = model.eval()(**inputs_of(head))
    model.train(training)
    return {name: value for name, value in outputs.items() if name.endswith("logits")}


@pytest.mark.parametrize("engine", ["joint", "two_pass"])
@pytest.mark.parametrize("head", HEADS)
def test_distill_is_the_formula(head, engine, saved):
    """(1 − α) L + α T² KL, with the full pass of the comparison, and a teacher that has dropout but does not use it."""
    model, teacher, batch = model_of(head=head), model_of(head=head, seed=9, initializer_range=0.3), batch_of(head)
    base = Comparative(CmpDrop(1), engine=engine)
    torch.manual_seed(0)
    found = Distill(saved(teacher), 0.7, 3.0, base)(model, batch)
    torch.manual_seed(0)
    alone = base(model, batch)
    wanted = divergence_by_row(head, logits_in_eval_mode(teacher, head), logits_in_eval_mode(model, head), batch, 3.0)
    divergence = sum(wanted) / len(wanted)
    assert divergence > 1e-3
    assert found.logs["distillation"].item() == pytest.approx(divergence, rel=1e-4)
    assert found.loss.item() == pytest.approx(0.3 * alone.loss.item() + 0.7 * divergence, rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_ends_of_the_weight_are_the_task_loss_and_the_teacher(weight):
    model, batch = model_of(), batch_of()
    found = Distill(TEACHER.name, weight, base=Supervised(dropout=False))(model, batch)
    assert found.logs["distillation"] > 0
    assert torch.equal(found.loss, found.logs["distillation" if weight else "loss_task"])


def test_a_student_that_is_its_teacher_has_no_divergence(saved):
    model, batch = model_of(seed=9), batch_of()
    found = Distill(TEACHER.name, base=Supervised(dropout=False))(model, batch)
    assert found.logs["distillation"].abs() < 1e-6
    assert Distill(TEACHER.name)(model, batch).logs["distillation"] > 1e-6  # with dropout in the student


def test_the_teacher_does_not_change_and_gets_no_gradient():
    teacher = load_teacher(TEACHER.name, "SequenceClassification")
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    Distill(TEACHER.name)(model_of(), batch_of()).loss.backward()
    assert not teacher.training
    assert all(value.grad is None and not value.requires_grad for value in teacher.parameters())
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_loading_a_teacher_draws_no_random_number(saved):
    """Its new layer is drawn before its weights are read."""
    folder, found = saved(pooled_of(seed=3)), []
    for _ in range(2):  # the second time it is loaded already
        torch.manual_seed(0)
        found.append((Distill(folder)(model_of(), batch_of()).loss.item(), torch.rand(1).item()))
    assert found[0] == found[1]


def test_a_changed_folder_is_loaded_again(saved):
    student, batch = model_of(), batch_of()
    objective = Distill(saved(model_of(seed=3)), base=Supervised(dropout=False))
    first = objective(student, batch).loss
    saved(model_of(seed=4))
    assert not torch.equal(objective(student, batch).loss, first)


@pytest.mark.parametrize("head", ["single_label", "multi_label", "tokens"])
def test_labels_are_matched_by_name(head, saved):
    student, teacher = model_of(head=head, **NAMES), model_of(head=head, seed=9, initializer_range=0.3, **OTHER_ORDER)
    batch = batch_of(head)
    found = Distill(saved(teacher), temperature=1.0, base=Supervised(dropout=False))(student, batch)
    its = {"logits": logits_in_eval_mode(teacher, head)["logits"][..., NEW_PLACES]}
    wanted = divergence_by_row(head, its, logits_in_eval_mode(student, head), batch, 1.0)
    assert found.logs["distillation"].item() == pytest.approx(sum(wanted) / len(wanted), rel=1e-4)


def test_a_teacher_that_pools_teaches_one_that_does_not_and_the_reverse(saved):
    plain, pooled, batch = model_of(), pooled_of(seed=9, initializer_range=0.3), batch_of()
    found = Distill(saved(pooled), temperature=1.0, base=Supervised(dropout=False))(plain, batch)
    its, own = (logits_in_eval_mode(model, "single_label") for model in (pooled, plain))
    wanted = divergence_by_row("single_label", its, own, batch, 1.0)
    assert found.logs["distillation"].item() == pytest.approx(sum(wanted) / len(wanted), rel=1e-4)
    assert Distill(TEACHER.name)(pooled, batch).logs["distillation"] > 0


def test_a_teacher_with_lora_teaches(saved, tmp_path):
    model_of(seed=9).save_pretrained(tmp_path / "frozen")
    teacher, batch = add_lora(model_of(seed=9), Lora.parse("r=2"), str(tmp_path / "frozen")), batch_of()
    for name, value in teacher.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.3)
    student = model_of()
    found = Distill(saved(teacher), temperature=1.0, base=Supervised(dropout=False))(student, batch)
    its, own = (logits_in_eval_mode(each, "single_label") for each in (teacher, student))
    wanted = divergence_by_row("single_label", its, own, batch, 1.0)
    assert sum(wanted) > 1e-4
    assert found.logs["distillation"].item() == pytest.approx(sum(wanted) / len(wanted), rel=1e-3)


@pytest.mark.parametrize("pooled", [False, True])
def test_a_teacher_of_another_architecture_ignores_inputs_that_it_does_not_have(pooled, saved):
    teacher = pooled_of("DistilBert") if pooled else model_of("DistilBert")
    batch = batch_of() | {"token_type_ids": torch.zeros(4, 12, dtype=torch.long)}
    assert Distill(saved(teacher))(model_of(), batch).logs["distillation"] > 0


def test_a_teacher_with_global_attention_needs_a_student_with_it(saved):
    teacher, batch = saved(model_of("Longformer", "span")), batch_of("span")
    with pytest.raises(ValueError, match="reads questions with global attention; the model that learns must do so"):
        Distill(teacher)(model_of(head="span"), batch)
    batch["global_attention_mask"] = (torch.arange(12) < 3).long().expand(4, 12)
    assert Distill(teacher)(model_of("Longformer", "span", seed=1), batch).logs["distillation"] > 0


def test_two_draws_of_dropout_have_the_same_teacher():
    assert tuple(RDrop(base=Distill(TEACHER.name))(model_of(), batch_of()).logs) == (
        *("loss_task", "distillation"),
        "divergence",
    )


def test_an_invalid_example_teaches_nothing(saved):
    batch = batch_of("span") | {"valid": torch.tensor([True, False, True, True])}
    model, teacher = model_of(head="span"), model_of(head="span", seed=9, initializer_range=0.3)
    found = Distill(saved(teacher), temperature=1.0, base=Supervised(dropout=False))(model, batch)
    its, own = (logits_in_eval_mode(each, "span") for each in (teacher, model))
    wanted = divergence_by_row("span", its, own, batch, 1.0)
    assert found.logs["distillation"].item() == pytest.approx((wanted[0] + wanted[2] + wanted[3]) / 3, rel=1e-4)


@pytest.mark.parametrize(
    ("teacher", "student", "message"),
    [
        (("single_label", NAMES), ("single_label", {}), r"--teacher .* lacks label 'LABEL_0'"),
        (
            ("single_label", {"num_labels": 4}),
            ("single_label", {}),
            r"--teacher .* has the other label 'LABEL_3'; give a model that was trained for this task",
        ),
        (("tokens", {}), ("single_label", {}), "has no trained classification head"),
        (("single_label", {}), ("span", {}), "has no trained question answering head"),
        (
            ("single_label", {"problem_type": "multi_label_classification"}),
            ("single_label", {}),
            "is for multi_label_classification, and the model that learns for single_label_classification",
        ),
        (("regression", {}), ("single_label", {}), "is for regression, and the model that learns for single_label"),
    ],
)
def test_another_task_or_other_labels_are_refused(teacher, student, message, saved):
    folder = saved(model_of(head=teacher[0], **teacher[1]))
    with pytest.raises(ValueError, match=message):
        Distill(folder)(model_of(head=student[0], **student[1]), batch_of(student[0]))


def test_a_folder_of_a_study_is_no_teacher(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({}))
    with pytest.raises(ValueError, match=r"--teacher .* holds no model; give the folder best/ of a study"):
        Distill(str(tmp_path))(model_of(), batch_of())
    with pytest.raises(ValueError, match="no such folder"):
        Distill(str(tmp_path / "missing"))(model_of(), batch_of())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Distill(), "distill needs --teacher, the folder of a trained model"),
        (lambda: Distill("x", 1.5), r"distillation weight=1\.5 must lie in \[0, 1\]"),
        (lambda: Distill("x", temperature=0), "distillation temperature=0 must be positive"),
    ],
)
def test_refusals(build, message):
    with pytest.raises(ValueError, match=message):
        build()
