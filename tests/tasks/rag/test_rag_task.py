"""``--task rag`` from a file to a table, a page, an evaluation and predictions; and what it refuses."""

import json
import math
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.options import Options
from cmploss.studies import compare
from cmploss.studies.evaluation import evaluate
from cmploss.studies.evaluation_config import EvaluationConfig
from cmploss.studies.run import trainer_of
from cmploss.studies.run_config import RunConfig
from cmploss.studies.run_job import RunJob
from cmploss.tasks.base import Sample
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.folds import Folds
from cmploss.tasks.loading import load_task
from cmploss.tasks.qa.qa_config import QuestionConfig
from cmploss.tasks.rag.rag_config import RagConfig
from tests.local_generator import save_generator
from tests.local_model import save_encoder
from tests.local_questions import segmented


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rag")
    write(folder / "train.jsonl", segmented(40))
    return folder


@pytest.fixture(scope="module")
def generator(folder):
    return save_generator(folder / "gpt2")


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def task_of(model, path, *, config=None, max_length=64, data=None, qa=None, **options):
    parsed = Options(
        {DataConfig: data or DataConfig("rag", train_file=path), ModelConfig: ModelConfig(model, max_length)}
    )
    parsed[QuestionConfig], parsed[RagConfig] = (
        qa or QuestionConfig(max_answer_tokens=3),
        config or RagConfig(**options),
    )
    parsed.given = frozenset(options)
    return load_task(parsed)


@pytest.fixture(scope="module")
def task(folder, generator):
    return task_of(generator, str(folder / "train.jsonl"))


@pytest.fixture(scope="module")
def study(folder, generator):
    return compare(
        task="rag",
        train_file=str(folder / "train.jsonl"),
        model=generator,
        objectives="supervised,raft(without_evidence=0.5),comparative,weighted(primary=max)",
        n_crop=1,
        n_drop=0,
        seeds=1,
        output_dir=str(folder / "study"),
        distractor_counts="0,2,4",
        dropout_power="0,1",
        eval_strategy="steps",
        eval_steps=4,
        max_steps=8,
        max_length=34,
        max_answer_tokens=3,
        use_cpu=True,
        learning_rate=1e-2,
    )


def test_a_study_has_a_table_a_page_and_a_distractor_curve(study):
    assert study.failures() == {}
    assert study.runs[0].config.training["per_device_eval_batch_size"] == 8
    assert [row.n for row in study.table().rows] == [1] * 4
    page = (study.folder / "report.md").read_text()
    pictures = (study.folder / "report.html").read_text()
    assert "distractors per question" in pictures
    assert "Answers changed by distractors" in pictures
    assert "Likelihood of the answer over distractors" in pictures
    likelihood = study.records()[0].measures("test", {"distractors": 2})["likelihood"]
    assert "per%20question%2Clikelihood%20%28%25%29%2Csd%0D%0Asupervised%2C0%2C" in pictures
    assert f"%0D%0Asupervised%2C2%2C{likelihood}%2C" in pictures
    raft = next(each for each in study.records() if each.name.startswith("raft"))
    assert "13 of 26 training questions are read without their evidence." in raft.data["notes"]
    assert "10 of 10 test questions have fewer than 4 distractors; where one has too few, all are read." in page
    losses = [entry["loss"] for entry in raft.history if "loss" in entry]
    assert losses[-1] < losses[0]


def test_time_passes_while_a_run_is_scored(study):
    again, told = study.runs[0], []
    RunJob(replace(again, folder=study.folder / "again")).do(study.tasks, told.append)
    assert sum(told) == 8 * again.config.passes
    assert told.count(0) >= 6  # batches of each split and of each number of distractors


def test_what_is_cut_is_in_the_notes_and_in_the_record(study):
    record = study.records()[0]
    (note,) = [each for each in record.data["notes"] if "training questions did not fit into 34 tokens" in each]
    cut = record.data["cut"]["train"]
    assert f"(segments dropped: {cut['dropped']}, shortened: {cut['shortened']})" in note
    assert f"{100 * cut['lost'] / cut['tokens']:.1f} % of the tokens of all prompts" in note
    assert note.startswith(f"{cut['questions']} of 26")
    assert cut["questions"] > 0
    assert note in (study.folder / "report.md").read_text()


def test_evaluation_repeats_the_record(study, capsys, caplog):
    best = str(study.folder / "best")
    data = DataConfig(train_file=str(study.folder.parent / "train.jsonl"))
    found = evaluate(data, EvaluationConfig(best, dropout_power="0,1", distractor_counts="0,2,4", batch_size=3))
    record = next(
        each
        for each in study.records()
        if math.isclose(each.measures("test")["likelihood"], found.scores["likelihood"], rel_tol=1e-6)
    )
    assert found.scores == pytest.approx(record.measures("test"))
    assert found.distractors[2] == pytest.approx(record.measures("test", {"distractors": 2}))
    assert found.ablation[0].scores == found.scores
    assert found.ablation[1].loss != found.ablation[0].loss
    assert main(["evaluate", "--model", best, "--test_file", data.train_file, "--distractor_counts", "0,2"]) == 0
    assert "answers_changed" in capsys.readouterr().out
    assert "40 of 40 questions did not fit into 34 tokens" in caplog.text


def test_predictions_need_no_answers_and_do_not_depend_on_the_batch_size(study, tmp_path, caplog):
    rows = [
        {"question": row["question"], "segments": [{"text": s["text"]} for s in row["segments"]]}
        for row in segmented(5, seed=3)
    ]
    file, best = write(tmp_path / "new.jsonl", rows), str(study.folder / "best")
    written = []
    for size in ("1", "4"):
        output = str(tmp_path / f"{size}.json")
        command = ["predict", "--model", best, "--test_file", file, "--output_file", output, "--batch_size", size]
        assert main(command) == 0
        written.append(json.loads((tmp_path / f"{size}.json").read_text()))
    assert caplog.text.count("5 of 5 questions did not fit into 34 tokens") == 2
    assert written[0] == written[1]
    assert [id.split("-")[0] for id in written[0]] == ["1", "2", "3", "4", "5"]


def test_the_best_model_is_a_plain_folder(study):
    best = study.folder / "best"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(best), AutoTokenizer.from_pretrained(best)
    assert model.config.use_cache
    assert tokenizer.padding_side == "left"
    assert json.loads((best / "rag.json").read_text())["max_length"] == 34
    assert (best / "README.md").read_text().startswith("---")


def test_the_views_of_a_question_keep_its_evidence_and_its_answer(task):
    views, raft = task.train(Sample(seed=1), crops=2), task.train(Sample(seed=1, without_evidence=0.5))
    for index, asked in enumerate(task.data.train):
        (evidence,) = [segment.text for segment in asked.segments if segment.evidence]
        texts = [task.tokenizer.decode(view["input_ids"]) for view in views[index]]
        assert [len(text.split()) for text in texts] == sorted([len(text.split()) for text in texts], reverse=True)
        assert all(evidence in text and text.endswith(f"{asked.answers[0]} <end>") for text in texts)
    read = [task.tokenizer.decode(raft[index][0]["input_ids"]) for index in range(len(raft))]
    without = [row for row, asked in enumerate(task.data.train) if read[row].count(asked.answers[0]) == 1]
    assert len(without) == round(0.5 * len(read))
    more = task.train(Sample(seed=1, without_evidence=0.75))
    assert all(len(more[index][0]["input_ids"]) == len(raft[index][0]["input_ids"]) for index in without)


def test_epochs_have_other_crops_and_the_same_in_every_process(task):
    views = task.train(Sample(seed=1), crops=1)
    first = [views[index] for index in range(5)]
    views.set_epoch(1)
    assert first != [views[index] for index in range(5)]
    again = task.train(Sample(seed=1), crops=1)
    assert first == [again[index] for index in range(5)]


def test_accumulation_trains_as_one_big_batch_does(task, generator, tmp_path):
    def weights(size, accumulate):
        training = {"per_device_train_batch_size": size, "gradient_accumulation_steps": accumulate, "max_steps": 2}
        training |= {"use_cpu": True, "learning_rate": 1e-2, "optim": "sgd"}
        config = RunConfig(
            ObjectiveSpec.parse("no_dropout", {}), model_config=ModelConfig(generator), training=training
        )
        trainer = trainer_of(config, task, tmp_path / str(size), [])
        trainer.train()
        return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])

    start = torch.cat([parameter.detach().flatten() for parameter in task.new_model(0).parameters()])
    whole = weights(12, 1)
    assert (whole - start).abs().max() > 1e-4
    assert (whole - weights(4, 3)).abs().max() < 1e-6


def test_folds_and_models(task, folder):
    tested = [task.fold(Folds(4)[number]).data.test for number in range(4)]
    assert sorted(each.id for of in tested for each in of) == sorted(each.id for each in task.data.whole)
    other = task.with_model(ModelConfig(save_generator(folder / "t5", "t5"), 64))
    assert (other.head, other.model_class) == ("Seq2SeqLM", "AutoModelForSeq2SeqLM")


ROW = segmented(1)[0] | {"id": "bad"}
BAD_ROWS = [
    (ROW | {"answers": []}, r"line 1 \(id 'bad'\): has no answer; write what to say then"),
    (ROW | {"answers": [""]}, r"answers\[0\].text: is empty"),
    (ROW | {"answers": "lovely"}, "answers: 'lovely' is not a list"),
    (ROW | {"answers": [7]}, r"answers\[0\]: 7 is neither a string nor an object"),
    (ROW | {"segments": []}, "has no segments; give at least one"),
    (ROW | {"question": " "}, "question: is empty"),
    (ROW | {"passages": []}, "the field 'passages' is unknown; did you mean 'segments'?"),
    (ROW | {"segments": [{"text": "lamp", "evidence": "yes"}]}, "evidence: 'yes' is not true or false"),
]
BAD_OPTIONS = [
    ({"prompt": "no fields"}, "--prompt must contain {segments} once"),
    ({"prompt": "{segments} {question} {question}"}, "--prompt must contain {question} once"),
    ({"distractor_counts": "0,x"}, "--distractor_counts must be whole numbers >= 0"),
    ({"qa": QuestionConfig(context_size="2,4")}, "--context_size is for extractive .* give --distractor_counts"),
    ({"qa": QuestionConfig(stride=3)}, "--stride is for extractive question answering; for --task rag leave it out"),
    ({"qa": QuestionConfig(max_answer_tokens=0)}, "--max_answer_tokens must be >= 1, got 0"),
    ({"max_length": "auto"}, "--max_length auto is for texts"),
    ({"max_length": 1000}, "--max_length must be from 1 to 128 for this model, got 1000"),
    ({"max_length": 5}, "the prompt without its segments has .* --max_length 5 leaves 2 next to the answer"),
    (
        {"data": DataConfig("question_answering", train_file="x.jsonl"), "prompt": "{segments} {question}"},
        "--prompt is for --task rag",
    ),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
def test_bad_rows_are_refused_in_one_line(row, message, generator, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        task_of(generator, write(tmp_path / "bad.jsonl", [row, *segmented(6, seed=2)][:7]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options_are_refused_in_one_line(options, message, folder, generator):
    with pytest.raises(UserError, match=message.replace("{", r"\{").replace("}", r"\}")) as caught:
        task_of(generator, str(folder / "train.jsonl"), **options)
    assert "\n" not in str(caught.value)


def test_what_does_not_generate_or_has_no_flags_is_refused(folder, generator, study, tmp_path):
    encoder = save_encoder(tmp_path / "encoder")
    with pytest.raises(UserError, match="does not generate text; give --model with a causal"):
        task_of(encoder, str(folder / "train.jsonl"))
    plain = write(tmp_path / "plain.jsonl", segmented(9, flagged=False))
    with pytest.raises(UserError, match="evidence is missing; to crop or drop segments"):
        task_of(generator, plain).train(Sample(), crops=1)
    with pytest.raises(UserError, match="evidence is missing; to crop or drop segments"):
        task_of(generator, plain, distractor_counts="0,2")
    assert len(task_of(generator, plain).train(Sample())[0]) == 1
    with pytest.raises(UserError, match=r"has no rag\.json; give a folder that cmploss train --task rag wrote"):
        evaluate(DataConfig(test_file=plain), EvaluationConfig(generator))
    with pytest.raises(UserError, match="--task hotpotqa: the model is for --task rag"):
        evaluate(DataConfig("hotpotqa", test_file=plain), EvaluationConfig(str(study.folder / "best")))


def test_raft_needs_rag_and_other_objectives_say_what_they_need(task):
    from cmploss.tasks.ablation_curve import Submodels

    task.check_run("raft", Submodels())
    with pytest.raises(UserError, match="lol needs --task prf"):
        task.check_run("lol", Submodels())
    with pytest.raises(UserError, match="raft needs --task rag"):
        super(type(task), task).check_run("raft", Submodels())
    with pytest.raises(UserError, match=r"without_evidence=1\.5 must lie in"):
        ObjectiveSpec.parse("raft(without_evidence=1.5)", {}).build()
