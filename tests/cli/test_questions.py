"""Question answering on the command line: a run, its studies, and one line for every mistake."""

import json

import pytest

from cmploss.experiment import read_record
from tests.local_questions import segmented, squad
from tests.tasks.qa.files import HOTPOT, SQUAD, changed, lines

TRAIN = "train --model models/encoder --max_length 32 --stride 4 --use_cpu true --output_dir out"
QA = ["data", 0, "paragraphs", 0, "qas", 0]
LONG = "so " * 40

# task, file, its content, words of the message
FAULTY = {
    "start_that_does_not_match": (
        "squad_v2",
        "d.json",
        changed(SQUAD, [*QA, "answers", 0, "answer_start"], 34),
        ["d.json", "data[0].paragraphs[0].qas[0].answers[0].answer_start", "34"],
    ),
    "empty_context": (
        "squad_v2",
        "d.json",
        changed(SQUAD, ["data", 0, "paragraphs", 0, "context"], " "),
        ["d.json", "data[0].paragraphs[0].context", "is empty"],
    ),
    "duplicate_ids": (
        "squad_v2",
        "d.json",
        changed(SQUAD, ["data", 1, "paragraphs", 0, "qas", 0, "id"], "q1"),
        ["d.json", "(id 'q1')", "data[0].paragraphs[0].qas[0] has the same id"],
    ),
    "evidence_missing": (
        "question_answering --objective comparative --n_crop 1",
        "d.jsonl",
        lines(
            *(changed(row, ["segments", 1, "evidence"], ...) for row in segmented(30)),
        ),
        ["d.jsonl, line", "segments[1].evidence is missing"],
    ),
    "malformed_line": (
        "hotpotqa",
        "d.jsonl",
        lines(HOTPOT) + '{"_id": "x", \n' + lines(HOTPOT),
        ["d.jsonl, line 2", "is not JSON"],
    ),
    "malformed_document": ("squad", "d.json", '{"data": [\n{]}\n', ["d.json, line 2", "is not JSON"]),
    "one_article": ("squad", "d.json", squad(1, 9), ["d.json: has 1 article; 3 splits need 3"]),
}


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_questions(refused, workplace, name):
    task, file, content, words = FAULTY[name]
    (workplace / file).write_text(content if isinstance(content, str) else json.dumps(content))
    (workplace / "v.json").write_text(json.dumps(squad()))
    others = "--validation_file v.json" if task.startswith("squad_v2") else ""
    assert refused(f"{TRAIN} --task {task} --train_file {file} {others}", words)


@pytest.fixture
def trained(cmploss, workplace):
    (workplace / "d.jsonl").write_text(lines(*segmented(40)))
    options = "--objective comparative --n_crop 1 --dropout_power 0,2 --max_steps 2 --per_device_train_batch_size 8"
    status, out, error = cmploss(f"{TRAIN} --task question_answering --train_file d.jsonl {options}")
    assert status == 0, error
    return out


def test_train_then_studies_with_figures(trained, cmploss, workplace):
    assert "loads with AutoModelForQuestionAnswering" in trained
    status, out, error = cmploss(
        "evaluate --model out --task question_answering --train_file d.jsonl --context_size 1,4 --dropout_power 0,2 "
        "--output_dir study"
    )
    assert status == 0, error
    found = json.loads((workplace / "study/scores.json").read_text())
    record = read_record(workplace / "out/record.json")
    assert found["scores"] == pytest.approx(record.measures("test"))
    assert found["contexts"]["4"] == pytest.approx(found["scores"])
    assert found["ablation"][0]["scores"] == pytest.approx(found["scores"])
    assert found["ablation"][0]["violation_rate"] == 0
    assert found["ablation"][1]["loss"] != found["ablation"][0]["loss"]
    for point in found["ablation"]:
        expected = {**point["scores"], "loss": point["loss"], "violation_rate": point["violation_rate"]}
        assert record.measures("test", {point["setting"]: point["value"]}) == pytest.approx(expected, rel=1e-4)
    assert "dropout power" in out
    assert "paragraphs" in out
    assert {path.name for path in (workplace / "study").iterdir()} == {
        "scores.json",
        "context_size.svg",
        "dropout_power.svg",
    }


def test_studies_that_are_refused(trained, refused, workplace):
    reads = "evaluate --model out --task question_answering --test_file d.jsonl"
    assert refused(f"{reads} --context_size 2,two", ["--context_size must be whole numbers", "got '2,two'", "2,4,6"])
    assert refused(f"{reads} --output_dir out", ["--output_dir out exists already"])
    assert refused("evaluate --model out --test_file train.csv", ["answers questions", "--task"])
    assert refused(
        "evaluate --model models/classifier --test_file train.csv --context_size 2",
        ["--context_size is for question answering models"],
    )
    (workplace / "plain.jsonl").write_text(lines(*segmented(9, flagged=False)))
    plain = "evaluate --model out --task question_answering --test_file plain.jsonl --context_size 2"
    assert refused(plain, ["plain.jsonl, line 1", "segments[0].evidence is missing"])
