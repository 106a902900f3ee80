"""What all tasks of ``ROW_TASKS`` do: compare, table, report, evaluate, predict, and plain transformers folders."""

import math

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoTokenizer

import cmploss
from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.experiment import read_records
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.model_config import ModelConfig
from cmploss.studies import compare
from cmploss.studies.evaluation import evaluate
from cmploss.studies.evaluation_config import EvaluationConfig
from cmploss.studies.run import check_run, trainer_of
from cmploss.studies.run_config import RunConfig
from cmploss.tasks.base import Sample
from cmploss.tasks.catalog import ROW_TASKS
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.data_tables import table_of
from cmploss.tasks.folds import Folds
from cmploss.tasks.rows.load_rows import FORMATS, assembled, task_of_data
from cmploss.tasks.text.columns import require
from tests.local_model import save_encoder
from tests.tasks.rows.files import ROWS, lines_of

OPTIONS = {"max_steps": 60, "use_cpu": True, "learning_rate": 5e-3, "max_length": 16}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("models") / "encoder")


@pytest.fixture(scope="module", params=ROW_TASKS)
def study(request, encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "train.jsonl").write_text(lines_of(ROWS[request.param](120)))
    (folder / "more.jsonl").write_text(lines_of(ROWS[request.param](30, seed=1)))
    return compare(
        task=request.param,
        train_file=str(folder / "train.jsonl"),
        model=encoder,
        objectives="supervised,comparative",
        seeds=2,
        output_dir=str(folder / "study"),
        dropout_power="0,1",
        **OPTIONS,
    )


def data_of(task, encoder, rows=120, **options):
    config = DataConfig(task=task, **options)
    return task_of_data(assembled({"train": table_of(ROWS[task](rows), "train")}, "data", config), ModelConfig(encoder))


def test_a_study_has_a_table_a_page_and_a_model_that_has_learned(study):
    assert study.failures() == {}
    assert [row.n for row in study.table().rows] == [2, 2]
    assert min(record.primary for record in study.records()) > 70
    assert {"report.md", "report.html", "best"} <= {path.name for path in study.folder.iterdir()}
    assert main(["report", str(study.folder)]) == 0


def test_evaluation_repeats_the_record_and_scores_submodels(study, capsys):
    best = study.folder / "best"
    train = str(study.folder.parent / "train.jsonl")
    found = evaluate(DataConfig(train_file=train), EvaluationConfig(model=str(best), dropout_power="0,1"))
    recorded = [each.measures("test") for each in study.records()]
    assert any(all(math.isclose(found.scores[name], of[name]) for name in of) for of in recorded)
    assert [point.value for point in found.ablation] == [0, 1]
    assert found.ablation[0].scores == found.scores
    threshold = getattr(AutoConfig.from_pretrained(best), "label_threshold", None)
    assert threshold in [each.data.get("label_threshold") for each in study.records()]
    assert (threshold is None) == (study.task.data.task != "multi_label")
    assert main(["evaluate", "--model", str(best), "--test_file", str(study.folder.parent / "more.jsonl")]) == 0
    assert study.task.measures[0] in capsys.readouterr().out


def test_predictions_are_written_with_the_record_of_the_best_run(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    more = study.folder.parent / "more.jsonl"
    assert main(["predict", "--model", str(study.folder / "best"), "--test_file", str(more)]) == 0
    (written,) = tmp_path.glob("predictions.*")
    text = written.read_text()
    assert len(text.splitlines()) == 30 + (written.suffix == ".csv")
    assert main(["predict", "--model", str(study.folder / "best"), "--test_file", str(more), "--batch_size", "7"]) == 2
    written.rename("first")
    assert main(["predict", "--model", str(study.folder / "best"), "--test_file", str(more), "--batch_size", "7"]) == 0
    assert written.read_text() == text  # the batch size changes nothing


def test_the_best_model_loads_with_transformers_alone(study):
    folder = study.folder / "best"
    model = getattr(__import__("transformers"), study.task.model_class).from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == 16
    ids = tokenizer(["the lamp is dead"] * 2, return_tensors="pt")
    inputs = {name: value[None] if "MultipleChoice" in study.task.model_class else value for name, value in ids.items()}
    assert torch.isfinite(model(**inputs).logits).all()
    assert (folder / "README.md").read_text().startswith("---")


def test_folds_and_samples(study, encoder):
    task = data_of(study.task.data.task, encoder)
    plan = Folds(5)
    tested = [task.fold(plan[number]).data.test for number in range(5)]
    assert sorted(map(repr, sum(tested, ()))) == sorted(map(repr, task.data.whole))
    small, large = (task.train(Sample(size, seed=3))["input_ids"][:] for size in (5, 9))
    assert small == large[:5]
    for size in (0, 10**6):
        with pytest.raises(UserError, match="few-shot sample must have from 1 to"):
            task.train(Sample(size or -1))


def test_what_is_cut_is_noted(study, encoder):
    rows = ROWS[study.task.data.task](40)
    data = assembled({"train": table_of(rows, "train")}, "data", DataConfig(task=study.task.data.task))
    notes = task_of_data(data, ModelConfig(encoder, max_length=5)).notes
    assert any("examples of the train split are cut at 5 tokens and lose" in note for note in notes)
    auto = task_of_data(data, ModelConfig(encoder, max_length="auto"))
    assert not any("train split are cut" in note for note in auto.notes)


def longer(row):
    """The row with nine times the text."""
    repeated = {name: 9 * row[name] for name in ("tokens", "tags") if name in row}
    return {**row, **repeated, **{name: 9 * f"{row[name]} " for name in ("text", "context", "passage") if name in row}}


def words_of(capfd):
    """What was printed, on one line."""
    return " ".join("".join(capfd.readouterr()).split())


def test_every_command_says_what_is_cut(study, encoder, tmp_path, monkeypatch, capfd, caplog):
    monkeypatch.chdir(tmp_path)
    task, best = study.task.data.task, str(study.folder / "best")
    rows = ROWS[task](20)
    long = tmp_path / "long.jsonl"
    long.write_text(lines_of([*map(longer, rows[:4]), *rows[4:]]))
    short = [row for row in ROWS[task](40) if len(row.get("tokens", [])) < 4]
    (tmp_path / "train.jsonl").write_text(lines_of(short))
    command = f"compare --task {task} --train_file train.jsonl --test_file long.jsonl --model {encoder} --max_steps 1"
    options = "--objectives supervised --seeds 1 --use_cpu true --max_length 16 --output_dir cut"
    assert main([*command.split(), *options.split()]) == 0
    cut = "4 of 20 examples of {} are cut at 16 tokens and lose"
    assert f"note: {cut.format('the test split')}" in words_of(capfd)
    (record,) = read_records(tmp_path / "cut")
    (note,) = [note for note in record.data["notes"] if cut.format("the test split") in note]
    for name in ("report.md", "report.html"):
        assert note.partition(";")[0] in (tmp_path / "cut" / name).read_text()
    for command in (["evaluate", "--output_dir", "scores"], ["predict"]):
        assert main([*command, "--model", best, "--test_file", str(long)]) == 0
        assert f"note: {cut.format('the data')}" in f"{words_of(capfd)} {caplog.text}"
    assert cut.format("the data") in (tmp_path / "scores" / "scores.json").read_text()


def test_gradients_of_both_engines_agree(study, encoder):
    task = data_of(study.task.data.task, encoder)
    batch = task.collator(None)([task.split("train")[row] for row in range(8)])

    def gradient(engine):
        torch.manual_seed(0)
        model = task.new_model(0).train()
        cmploss.Comparative(cmploss.CmpDrop(1), engine=engine)(model, batch).loss.backward()
        return torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])

    joint, two_pass = gradient("joint"), gradient("two_pass")
    assert joint.abs().max() > 1e-3
    assert (joint - two_pass).abs().max() < 1e-6


def test_the_best_model_of_a_study_teaches(study, encoder, tmp_path):
    """Labels and tags are matched by name; choices have none."""
    task, teacher = data_of(study.task.data.task, encoder), str(study.folder / "best")
    spec = ObjectiveSpec.parse("distill", {"teacher": teacher, "distill_weight": 1.0})
    training = {"max_steps": 20, "use_cpu": True, "learning_rate": 5e-3, "logging_steps": 10}
    config = RunConfig(spec, model_config=ModelConfig(encoder), training=training)
    check_run(config, task)
    trainer = trainer_of(config, task, tmp_path, [])
    trainer.train()
    first, second = (entry["distillation"] for entry in trainer.state.log_history if "distillation" in entry)
    assert 0 < second < first


def test_accumulation_trains_as_one_big_batch_does(study, encoder, tmp_path):
    task = data_of(study.task.data.task, encoder)

    def weights(size, accumulate):
        training = {"per_device_train_batch_size": size, "gradient_accumulation_steps": accumulate, "max_steps": 3}
        training |= {"use_cpu": True, "learning_rate": 1e-2, "train_sampling_strategy": "random", "optim": "sgd"}
        config = RunConfig(ObjectiveSpec.parse("no_dropout", {}), model_config=ModelConfig(encoder), training=training)
        trainer = trainer_of(config, task, tmp_path / str(size), [])
        trainer.train()
        return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])

    start = torch.cat([parameter.detach().flatten() for parameter in task.new_model(0).parameters()])
    whole = weights(12, 1)
    assert (whole - start).abs().max() > 1e-4
    assert (whole - weights(4, 3)).abs().max() < 1e-6


@pytest.mark.parametrize(
    "value", ["\ud800", ["a", "\ud800"], {"\ud800": 1}, {"a": ("\udfff",)}, np.array(["\ud800"], "O")]
)
def test_half_a_character_is_refused_in_a_column_that_is_read(value):
    table = table_of([{"y": "😀", "z": 0}, {"y": value, "z": 1}], "x")
    require(table, ["z"])
    with pytest.raises(UserError, match=r"^x, row 2, column 'y': .*half a surrogate pair"):
        require(table, ["z", "y"])


HALF = "a\ud83d"
READ = [
    ("multi_label", {"text": "a", "labels": ["x"]}),
    ("tags", {"tokens": ["a"], "tags": ["O"]}),
    ("multiple_choice", {"premise": "a", "choice1": "b", "choice2": "c", "label": 0}),
    ("multiple_choice", {"premise": "a", "choices": ["b", "c"], "label": 0}),
    ("rerank", {"query": "a", "passage": "b", "label": 1, "query_id": "q", "passage_id": "p"}),
]


@pytest.mark.parametrize(("task", "row"), READ)
def test_each_column_that_is_read_is_checked_for_half_characters(task, row):
    def examples(**changed):
        return FORMATS[task].read(table_of([{**row, **changed}], "x"), DataConfig(task=task), None, True)

    assert examples(raw=HALF)
    for name, value in row.items():
        with pytest.raises(UserError, match=f"^x, row 1, column '{name}': .*half a surrogate pair"):
            examples(**{name: [*value[:-1], HALF] if isinstance(value, list) else HALF})


@pytest.mark.parametrize("task", ROW_TASKS)
@pytest.mark.parametrize(("option", "value"), [("also_test", "x=more.jsonl"), ("group_column", "author")])
def test_options_of_texts_with_one_label_are_refused(task, option, value, tmp_path):
    with pytest.raises(UserError, match=f"--{option} is for texts with one label; leave it out for --task {task}"):
        compare(task=task, train_file=str(tmp_path / "train.jsonl"), **{option: value})
    if option == "group_column":
        with pytest.raises(UserError, match="--group_column is for texts with one label"):
            compare(ROWS[task](40), task=task, **{option: value})


def test_tag_names_are_refused_for_texts_that_are_given_as_rows():
    with pytest.raises(UserError, match="tag_names"):
        compare([{"text": "a", "label": "b"}], tag_names="O,B-X")


UNKNOWN = {
    "multi_label": {"text": "wxyz wxyz", "labels": "a|b"},
    "tags": {"tokens": ["wxyz", "wxyz"], "tags": ["B-A", "O"]},
    "multiple_choice": {"context": "wxyz", "choices": ["wxyz", "wxyz wxyz"], "label": 1},
    "rerank": {"query": "wxyz", "passage": "wxyz", "label": 1},
}


@pytest.mark.parametrize("task", ROW_TASKS)
def test_a_tokenizer_that_knows_no_word_is_refused(task, encoder):
    rows = [dict(UNKNOWN[task]) for _ in range(20)]
    for number, row in enumerate(rows if task == "rerank" else ()):
        row |= {"query": "wxyz " * (1 + number // 2), "label": number % 2}
    for number, row in enumerate(rows if task == "multiple_choice" else ()):
        row["context"] = "wxyz " * (1 + number)
    with pytest.raises(UserError, match="the tokenizer of the model knows no word of the training split"):
        compare(rows, task=task, model=encoder, max_steps=1)


def test_the_shortest_length_has_a_token_of_each_text_of_a_pair(encoder):
    rows = [{"premise": "good lamp", "hypothesis": "bad hub", "labels": "a|b"}] * 20
    data = assembled({"train": table_of(rows, "train")}, "data", DataConfig(task="multi_label"))
    for length, fits in ((4, False), (5, True)):
        task = task_of_data(data, ModelConfig(encoder, length))
        if fits:
            assert len(task.split("train")) > 0
        else:
            with pytest.raises(UserError, match="--max_length must be from 5 to"):
                task.split("train")


def test_evaluation_in_training_keeps_no_logits(encoder):
    """The scorer runs the model again; the logits of all tokens would take memory."""
    task = data_of("tags", encoder)
    labels = torch.tensor([[0, 1]])
    assert task.kept_logits()((torch.zeros(1, 2, 3), torch.zeros(9)), labels) is labels


def test_a_classifier_of_texts_alone_has_a_pooling(encoder):
    for given in ({"pooling": "mean"}, {"head_init": "probe"}, {"vary": {"pooling": ["auto", "mean"]}}):
        with pytest.raises(UserError, match="is for classifiers of texts; leave it out for "):
            compare(ROWS["multi_label"](40), task="multi_label", model=encoder, max_steps=1, **given)


@pytest.mark.parametrize("size", [0, -5, 41])
def test_a_sample_of_another_size_than_asked_for_is_refused(encoder, size):
    data = assembled({"train": table_of(ROWS["tags"](40), "train")}, "data", DataConfig(task="tags"))
    with pytest.raises(UserError, match=f"a few-shot sample must have from 1 to 28 examples, got {size}"):
        task_of_data(data, ModelConfig(encoder)).train(Sample(size))
