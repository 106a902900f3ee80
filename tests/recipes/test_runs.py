"""Recipes train two steps on tiny random models of their architecture, on a few examples in the form of their data."""

import json

import pytest
from transformers import BertTokenizer

from cmploss.cli.main import main
from cmploss.experiment import read_records
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.recipes.recipe import all_recipes
from cmploss.tasks.catalog import TASKS
from tests.local_model import BAD, GOOD, WORDS, csv_of, reviews
from tests.local_questions import segmented, squad
from tests.tiny import model_of

ARCHITECTURES = {"bert": "Bert", "roberta": "Roberta", "electra": "Electra", "longformer": "Longformer"}
SHORT = "--max_steps 2 --eval_steps 2 --save_steps 2 --fp16 false --use_cpu true --max_length 32"
QUESTIONS = "--stride 4 --max_question_tokens 4 --max_paragraph_tokens 16 --max_answer_tokens 3"
COMPARE = "--seeds 1"
FEW = "--few_shot 8 --balanced_test 4 --noise none"
LINES = 24


def architecture(recipe):
    name = recipe.options.get("model", "roberta").rpartition("/")[2]
    return next(kind for key, kind in ARCHITECTURES.items() if name.startswith(key))


def distinct():
    """Recipe -> its objectives that no recipe before trains on the same architecture and kind of task.

    Of every task and architecture, the form of whose data differs, at least the first is among them.
    """
    seen, found = set(), {}
    for name, recipe in all_recipes().items():
        options = recipe.options
        if recipe.hours is None or options.get("task") in (None, "prf"):  # of other tests here
            continue
        for text in options.get("objectives") or [options.get("objective", "comparative")]:
            spec = ObjectiveSpec.parse(text, {name: options[name] for name in ("n_drop",) if name in options})
            kind = getattr(TASKS.get(options["task"]), "kind", options["task"])
            ablations = {
                (variant.power is None, bool(variant.power), variant.view > 0) for variant in spec.build().variants
            }
            encoder = architecture(recipe)
            keys = {(kind, encoder, spec.kind, frozenset(ablations)), (options["task"], encoder)}
            if not keys <= seen:
                seen |= keys
                found.setdefault(name, []).append(text)
    return found


DISTINCT = distinct()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for kind in ARCHITECTURES.values():
        model_of(kind, vocab_size=len(WORDS)).base_model.save_pretrained(folder / kind)
        tokenizer = BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)})
        tokenizer.model_max_length = 32
        tokenizer.save_pretrained(folder / kind)
    return folder


def table_of(task):
    """A few examples in the published form of a GLUE task."""
    columns, labels = TASKS[task].columns[0], TASKS[task].label_names
    names = TASKS[task].positions or columns.names
    label = columns.label if columns.label in names else names[-1]
    rows = []
    for index, row in enumerate(reviews(LINES)):
        value = index % 5 if not labels else index % 2 if TASKS[task].positions else labels[index % len(labels)]
        rows.append("\t".join(str(value) if name == label else row["text"] for name in names))
    return "\n".join(([] if TASKS[task].positions else ["\t".join(names)]) + rows) + "\n"


def data_options(task, folder):
    """Writes the data of a task; returns the options that name it."""
    if task in TASKS:
        (folder / "train.tsv").write_text(table_of(task))
        (folder / "dev.tsv").write_text(table_of(task))
        return "--train_file train.tsv --validation_file dev.tsv"
    if task == "squad":
        (folder / "squad.json").write_text(json.dumps(squad()))
        return f"--train_file squad.json {QUESTIONS}"
    rows = [hotpotqa(row) for row in segmented(LINES)]
    (folder / "hotpot.json").write_text(json.dumps(rows))
    (folder / "hotpot_dev.json").write_text(json.dumps([{**row, "_id": f"d{row['_id']}"} for row in rows]))
    return f"--train_file hotpot.json --validation_file hotpot_dev.json {QUESTIONS}"


def hotpotqa(row):
    context = [[f"title {number}", [each["text"]]] for number, each in enumerate(row["segments"])]
    facts = [[f"title {number}", 0] for number, each in enumerate(row["segments"]) if each["evidence"]]
    answer = row["answers"][0]["text"]
    return {
        "_id": row["id"],
        "question": row["question"],
        "answer": answer,
        "context": context,
        "supporting_facts": facts,
    }


@pytest.mark.parametrize("name", DISTINCT)
def test_a_recipe_trains(name, models, tmp_path, monkeypatch, capsys):
    recipe = all_recipes()[name]
    monkeypatch.chdir(tmp_path)
    options = f"{SHORT} --model {models / architecture(recipe)} --output_dir run "
    options += data_options(recipe.options.get("task"), tmp_path)
    if "test_file" in recipe.options:
        options = f"{options} --test_file dev.tsv {FEW}".replace("--validation_file dev.tsv", "")
    if recipe.command == "compare":
        options += f" {COMPARE}"
        words = ["--objectives", ",".join(DISTINCT[name])]
    else:
        words = []
    assert main(["recipes", "run", name, *options.split(), *words]) == 0, capsys.readouterr().err
    steps = {record.name: record.cost["steps"] for record in read_records(tmp_path / "run")}
    assert {objective: steps[objective] for objective in DISTINCT[name]} == dict.fromkeys(DISTINCT[name], 2)


def test_the_recipes_of_transfer_train(models, tmp_path, monkeypatch, capsys):
    """The checkpoints of one study are where another starts, on a table with text and label."""
    monkeypatch.chdir(tmp_path)
    short = f"{SHORT} {COMPARE} --objectives scl"
    source = f"{short} --model {models / 'Roberta'} {data_options('sst2', tmp_path)}"
    assert main(["recipes", "run", "scl/transfer-source", *source.split()]) == 0, capsys.readouterr().err
    for name, words in (("amazon", GOOD), ("yelp", BAD)):
        (tmp_path / name).mkdir()
        rows = [{"text": f"{row['text']} {words[0]}", "label": row["label"]} for row in reviews(LINES)]
        for part in ("train", "test"):
            (tmp_path / name / f"{part}.csv").write_text(csv_of(rows))
        target = f"{short} --few_shot 8 --output_dir {name}-run"
        assert main(["recipes", "run", f"scl/transfer-{name}", *target.split()]) == 0, capsys.readouterr().err
        (record,) = read_records(tmp_path / f"{name}-run")
        assert (record.settings["then"]["task"], record.settings["then"]["steps"]) == ("sst2", 2)
