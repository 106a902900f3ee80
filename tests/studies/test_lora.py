"""Runs with LoRA: rows next to full training, the best model, stopping, starting from adapters, and other processes."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cmploss.ablation import CmpDrop
from cmploss.cli.main import main
from cmploss.errors import UserError
from cmploss.experiment import read_record
from cmploss.model_config import ModelConfig
from cmploss.model_identity import model_identity
from cmploss.models import load_classifier, load_model
from cmploss.studies import Study, StudyConfig, compare, run_one, run_study
from cmploss.studies.evaluation import evaluate
from cmploss.studies.evaluation_config import EvaluationConfig
from cmploss.studies.inspection import inspection
from cmploss.studies.run import Interrupted, new_model
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.rows.row_kinds import KINDS as ROW_HEADS
from cmploss.tasks.text import task_data
from cmploss.tasks.text.text_task import TextTask
from tests import local_questions
from tests.local_model import csv_of, reviews, save_encoder, state_pooling
from tests.studies.test_run import PressCtrlC, outcome
from tests.tasks.rows.files import ROWS, lines_of

TEXTS = pytest.mark.parametrize("kind", ["head", "pooled"])
LORA = "r=4,alpha=16"
ROW_KINDS = tuple(ROWS)
KINDS = ("head", "pooled", "questions", *ROW_KINDS)
ALONE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
from transformers import AutoTokenizer
text, found = sys.argv[1], []
for folder in sys.argv[2:]:
    card = open(f"{folder}/README.md").read().replace("path/to/this/folder", folder)
    code = card.partition("```python")[2].partition("```")[0]
    if "CrossEncoder" in code:
        exec(code.replace("a text", text).replace("model.predict(", "chances = model.predict(", 1))
        outputs = {"logits": torch.tensor(chances).log()}
    else:
        exec(code)
        inputs = tokenizer(text, return_tensors="pt")
        choices = type(model.get_base_model()).__name__.endswith("MultipleChoice")
        outputs = model(**{name: value[None] if choices else value for name, value in inputs.items()})
    found.append(outputs["start_logits" if "start_logits" in outputs else "logits"].squeeze(0).tolist())
assert "cmploss" not in sys.modules
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    plain, pooling = save_encoder(folder / "plain"), state_pooling(save_encoder(folder / "pooling"), "mean")
    return {**dict.fromkeys(KINDS, plain), "pooled": pooling}


@pytest.fixture(scope="module")
def studies(encoders, tmp_path_factory):
    """A study with LoRA of each kind of data."""
    files = {
        "head": ("train.csv", csv_of(reviews(90))),
        "pooled": ("train.csv", csv_of(reviews(90))),
        **{kind: ("train.jsonl", lines_of(ROWS[kind](90))) for kind in ROW_KINDS},
        "questions": ("train.jsonl", "".join(json.dumps(row) + "\n" for row in local_questions.segmented(40))),
    }
    options = {"max_steps": 30, "use_cpu": True, "learning_rate": 2e-2, "lora": LORA, "seeds": 1}
    found = {}
    for kind, (name, text) in files.items():
        folder = tmp_path_factory.mktemp(kind)
        (folder / name).write_text(text)
        found[kind] = compare(
            task={"head": None, "pooled": None, "questions": "question_answering"}.get(kind, kind),
            train_file=str(folder / name),
            objectives="comparative",
            model=encoders[kind],
            **({"max_length": 40, "stride": 4} if kind == "questions" else {"max_length": 16}),
            output_dir=str(folder / "study"),
            **options,
        )
    return found


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def study(studies, kind):
    return studies[kind]


def test_it_learns_and_the_best_model_is_an_adapter(study, kind):
    assert study.failures() == {}
    (record,) = study.records()
    assert record.settings["lora"] == "r=4,alpha=16,dropout=0.1"
    assert record.primary > (40 if kind == "questions" else 70)
    best = study.folder / "best"
    assert (best / "adapter_model.safetensors").exists()
    assert not (best / "model.safetensors").exists()
    frozen = sum(file.stat().st_size for file in Path(study.task.model).glob("*.safetensors"))
    assert (best / "adapter_model.safetensors").stat().st_size < frozen


def test_evaluation_and_predictions_are_those_of_the_record(study, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (record,) = study.records()
    train = str(next(study.folder.parent.glob("train.*")))
    task = "question_answering" if kind == "questions" else None
    found = evaluate(DataConfig(task=task, train_file=train), EvaluationConfig(str(study.folder / "best")))
    expected = record.measures("test")
    assert all(math.isclose(found.scores[name], value, abs_tol=1e-9) for name, value in expected.items())
    assert main(["predict", "--model", str(study.folder / "best"), "--test_file", train]) == 0
    assert len(list(tmp_path.iterdir())) == 1


def test_they_load_in_a_process_without_this_package(studies):
    text, folders = "the lovely lamp is dead", [str(each.folder / "best") for each in studies.values()]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", ALONE, text, *folders]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    heads = {kind: of.head for kind, of in ROW_HEADS.items()} | {"questions": "QuestionAnswering"}
    for (kind, study), folder, found in zip(studies.items(), folders, json.loads(done.stdout), strict=True):
        model = load_model(folder, heads[kind]) if kind in heads else load_classifier(folder)
        with torch.no_grad():
            inputs = study.task.tokenizer(text, return_tensors="pt")
            choices = kind == "multiple_choice"
            outputs = model(**{name: value[None] if choices else value for name, value in inputs.items()})
        expected = (outputs.start_logits if kind == "questions" else outputs.logits).squeeze(0)
        expected = expected.log_softmax(-1) if kind == "pooled" else expected
        torch.testing.assert_close(torch.tensor(found), expected, rtol=1e-4, atol=1e-4)


def task_and_config(encoder, config_of, objective="comparative", lora=LORA, **options):
    config = config_of(objective, **{"learning_rate": 2e-2, **options})
    config = replace(config, model_config=ModelConfig(encoder, 16, lora=lora))
    return TextTask(task_data(reviews(60)), encoder, 16), config


@TEXTS
def test_an_interrupted_run_continues_to_the_same_result(kind, encoders, config_of, tmp_path):
    task, config = task_and_config(encoders[kind], config_of)
    whole = run_one(config, task, tmp_path / "whole").record
    with pytest.raises(Interrupted):
        run_one(config, task, tmp_path / "parts", callbacks=[PressCtrlC(7)])
    assert outcome(run_one(config, task, tmp_path / "parts").record) == outcome(whole)
    again = run_one(config, task, tmp_path / "whole")  # trained, but not scored: as after a kill
    assert outcome(again.record) == outcome(whole)


@TEXTS
def test_the_checkpoint_with_the_best_measure_is_kept(kind, encoders, config_of, tmp_path):
    task, config = task_and_config(encoders[kind], config_of, early_stopping_patience=1)
    run = run_one(config, task, tmp_path / "run")
    best = max(entry["eval_accuracy"] for entry in run.record.history if "eval_accuracy" in entry)
    assert run.record.score("validation", "accuracy") == pytest.approx(100 * best if best <= 1 else best)


@TEXTS
def test_rows_of_one_table_and_studies_that_start_from_an_adapter(kind, encoders, config_of, tmp_path):
    task, config = task_and_config(encoders[kind], config_of, "supervised", lora=None, max_steps=4)
    vary = ("lora=none,r=4,(r=2,target_modules=query+key)",)
    plan = StudyConfig("supervised", seeds=1, vary=vary, keep_checkpoints=True)
    study = Study(task, config, plan, tmp_path / "study")
    list(run_study(study))
    names = ["supervised · lora=none", "supervised · lora=r=4", "supervised · lora=r=2,target_modules=query+key"]
    assert [row.objective for row in study.table().rows if row.n == 1][:3] == names
    saved = study.runs[1].folder / "model"
    merged = new_merged(task, config, saved)
    inputs = task.tokenizer("the lovely lamp", return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(merged.eval()(**inputs).logits, load_classifier(str(saved))(**inputs).logits)
    assert all(each.requires_grad for each in merged.classifier.parameters())
    identity = model_identity(str(saved))
    assert identity["base_sha256"] == model_identity(encoders[kind])["sha256"]
    with pytest.raises(UserError, match="is an adapter itself, and no folder has both; leave --lora out"):
        new_merged(task, replace(config, model_config=replace(config.model_config, lora=LORA)), saved)


def new_merged(task, config, folder):
    return new_model(replace(config, start=type("Start", (), {"checkpoint": folder, "facts": {}})()), task)


def test_the_head_starts_from_a_probe(encoders, config_of, tmp_path):
    task, config = task_and_config(encoders["pooled"], config_of, learning_rate=1e-12)
    for pooling, encoder in (("mean", encoders["pooled"]), ("head", encoders["head"])):
        task = TextTask(task_data(reviews(60)), encoder, 16, pooling=pooling, head_init="probe")
        model_config = ModelConfig(encoder, 16, pooling=pooling, head_init="probe", lora=LORA)
        record = run_one(replace(config, model_config=model_config), task, tmp_path / pooling).record
        expected = task.reference_rows()(config.sample)
        (probe,) = [found for name, found in expected.items() if name != "tfidf"]
        scores = {(score.split, score.measure): score.value for score in probe.scores}
        assert record.primary == pytest.approx(scores["test", "accuracy"])


def test_a_command_repeats_a_run(study):
    page = (study.folder / "report.html").read_text()
    assert "--lora r=4,alpha=16,dropout=0.1" in page
    assert read_record(study.runs[0].folder / "record.json").settings["lora"]


def test_a_damaged_or_lonely_adapter_is_one_line(encoders, config_of, tmp_path, monkeypatch):
    task, config = task_and_config(encoders["head"], config_of, "supervised", max_steps=1)
    run = run_one(config, task, tmp_path / "run")
    task.save(run.model, tmp_path / "model", run.record)
    with pytest.raises(UserError, match=r"is an adapter; inspect the model with its frozen weights"):
        inspection(str(tmp_path / "model"), CmpDrop(1))
    settings = json.loads((tmp_path / "model" / "adapter_config.json").read_text())
    (tmp_path / "model" / "adapter_config.json").write_text(
        json.dumps({**settings, "base_model_name_or_path": "/gone/encoder"})
    )
    with pytest.raises(UserError, match=r"model /gone/encoder: no such folder"):
        load_classifier(str(tmp_path / "model"))
    (tmp_path / "model" / "adapter_config.json").write_text(json.dumps(settings))
    (tmp_path / "model" / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"model .* cannot be loaded: "):
        load_classifier(str(tmp_path / "model"))
    monkeypatch.setattr("cmploss.model_config.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"is an adapter, which needs peft; install it with"):
        load_classifier(str(tmp_path / "model"))
