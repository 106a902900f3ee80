"""The commands end to end on a tiny model: what they print, what they write, and doing it twice."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from accelerate import PartialState
from transformers import AutoModelForSequenceClassification, pipeline

from cmploss.experiment import read_record
from tests.local_model import csv_of, reviews

TINY = "--model models/encoder --max_length 16 --use_cpu true --learning_rate 1e-2 --per_device_train_batch_size 8"
TRAIN = f"train {TINY} --train_file train.csv --max_steps 6 --logging_steps 2 --output_dir out"
COMPARE = (
    f"compare {TINY} --train_file train.csv --max_steps 4 --objectives supervised,comparative --seeds 2 "
    "--output_dir out"
)


def test_a_reader_that_stops_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        found = subprocess.run([sys.executable, "-m", "cmploss", "--help"], stdout=closed, stderr=subprocess.PIPE)
    assert (found.returncode, found.stderr) == (141, b"")


@pytest.fixture
def succeed(cmploss):
    """Runs a command that must succeed; its standard output."""

    def run(command):
        status, out, error = cmploss(command)
        assert status == 0, error
        assert "error" not in error
        return out

    return run


def scores_of(text):
    """Measure -> percent, from lines such as ``accuracy   75.0``."""
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if len(line.split()) == 2}


def modified(folder):
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.stem != "report"}  # written again


@pytest.mark.parametrize(("options", "kept"), [("", []), ("--save_strategy steps --save_steps 3", ["3", "6"])])
def test_train_keeps_the_checkpoints_that_were_asked_for(succeed, workplace, options, kept):
    succeed(f"{TRAIN} {options}")
    assert sorted(path.name for path in (workplace / "out").glob("checkpoint-*")) == [f"checkpoint-{n}" for n in kept]


SUM = "--objective comparative+scl --class_pairs true --reinit_layers 1 --contrastive_weight 0.5"


def test_a_sum_of_objectives_trains_a_plain_checkpoint(succeed, workplace):
    out = succeed(f"{TRAIN} {SUM}")
    record = read_record(workplace / "out" / "record.json")
    assert record.name == "comparative+scl"
    objective = record.settings["objective"]
    assert (objective["kind"], objective["source"]) == ("comparative+scl", None)
    given = {"contrastive_weight": 0.5, "contrastive_temperature": 0.3, "n_drop": 1, "class_pairs": True}
    assert {name: objective["settings"][name] for name in given} == given
    assert record.settings["reinit_layers"] == 1
    assert {"contrastive", "loss_full", "loss_drop1"} <= record.history[-1].keys()
    assert "6 steps of 2 passes" in out
    loaded = AutoModelForSequenceClassification.from_pretrained(workplace / "out")
    assert {name for name in loaded.state_dict() if "bert" not in name} == {"classifier.weight", "classifier.bias"}


def test_train_evaluate_and_predict_agree(succeed, workplace):
    (workplace / "test.csv").write_text(csv_of(reviews(30, seed=5)))
    out = succeed(f"{TRAIN} --test_file test.csv --objective comparative --n_drop 2")
    record = read_record(workplace / "out" / "record.json")
    assert (record.cost["steps"], record.cost["passes_per_step"]) == (6, 3)
    accuracy = record.score("test", "accuracy")
    assert f"test       accuracy {accuracy:.1f}" in out
    assert "6 steps of 3 passes" in out

    out = succeed("evaluate --model out --test_file test.csv --max_length 16 --dropout_power 0,1,2")
    assert "out on test.csv: 30 examples" in out
    assert scores_of(out)["accuracy"] == pytest.approx(accuracy, abs=0.05)
    rows = [line.split() for line in out.splitlines()]
    assert [row[-1] for row in rows if row[:1] in (["bad"], ["good"])] == ["15", "15"]
    curve = {row[0]: row for row in rows if row and row[0] in "012"}
    assert list(curve) == ["0", "1", "2"]
    assert float(curve["0"][1]) == pytest.approx(accuracy, abs=0.05)
    assert curve["0"][-1] == "0.0"
    assert float(curve["2"][-1]) >= float(curve["1"][-1]) > 0

    succeed("predict --model out --test_file test.csv --max_length 16 --output_file new/said.csv")
    with (workplace / "new" / "said.csv").open(newline="") as file:
        said = list(csv.DictReader(file))
    assert list(said[0]) == ["text", "prediction", "p(bad)", "p(good)"]
    truth = reviews(30, seed=5)
    assert [row["text"] for row in said] == [row["text"] for row in truth]
    right = sum(row["prediction"] == known["label"] for row, known in zip(said, truth, strict=True))
    assert 100 * right / 30 == pytest.approx(accuracy)
    classify = pipeline("text-classification", model=str(workplace / "out"), device="cpu")
    for row, found in zip(said, classify([row["text"] for row in said]), strict=True):
        assert found["label"] == row["prediction"]
        assert float(row[f"p({row['prediction']})"]) == pytest.approx(found["score"], abs=1e-4)


def test_two_processes_train_one_run(workplace):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    options = "--objective comparative --max_steps 2 --ddp_backend gloo"
    command = [*launcher, "-m", "cmploss", *TRAIN.split(), *options.split()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("checkpoint out") == 1
    assert read_record(workplace / "out" / "record.json").cost["steps"] == 2


def test_train_is_plain_fine_tuning_by_default(succeed, workplace):
    assert "1 steps of 1 passes" in succeed(f"{TRAIN} --max_steps 1")
    assert read_record(workplace / "out" / "record.json").name == "supervised"


def test_a_process_leaves_its_group_before_it_ends(succeed, monkeypatch):
    left = []
    monkeypatch.setattr(PartialState, "destroy_process_group", lambda state: left.append(state.is_main_process))
    succeed(f"{TRAIN} --max_steps 1")
    assert left == [True]


def test_train_scores_the_submodels_that_evaluate_scores(succeed, workplace):
    (workplace / "test.csv").write_text(csv_of(reviews(30, seed=5)))
    out = succeed(f"{TRAIN} --test_file test.csv --objective supervised --seed 3 --dropout_p 0.3 --dropout_power 2,0,1")
    record = read_record(workplace / "out" / "record.json")
    succeed("evaluate --model out --test_file test.csv --dropout_power 0,1,2 --dropout_p 0.3 --seed 3 --output_dir e")
    curve = json.loads((workplace / "e" / "scores.json").read_text())["ablation"]
    assert [point["value"] for point in curve] == [0, 1, 2]
    for point in curve:
        expected = {**point["scores"], "loss": point["loss"], "violation_rate": point["violation_rate"]}
        assert record.measures("test", {"dropout_power": point["value"]}) == pytest.approx(expected, rel=1e-4)
    assert curve[0]["loss"] != pytest.approx(curve[2]["loss"], rel=1e-2)
    two = record.measures("test", {"dropout_power": 2})
    (line,) = (line for line in out.splitlines() if line.startswith("test dropout_power 2 "))
    assert f"accuracy {two['accuracy']:.1f}  f1_macro {two['f1_macro']:.1f}  loss {two['loss']:.4f}" in line
    assert line.endswith(f"  violation_rate {two['violation_rate']:.1f}")


def test_regression(succeed, workplace):
    rows = [{"text": row["text"], "score": 5 * (row["label"] == "good")} for row in reviews(60)]
    (workplace / "scores.csv").write_text(csv_of(rows))
    (workplace / "unlabelled.csv").write_text(csv_of([{"text": row["text"]} for row in rows]))
    succeed(
        f"train {TINY} --task regression --train_file scores.csv --test_file scores.csv --max_steps 30 "
        "--output_dir out --objective supervised"
    )
    pearson = read_record(workplace / "out" / "record.json").score("test", "pearson")
    assert pearson > 60
    out = succeed("evaluate --model out --task regression --test_file scores.csv --max_length 16")
    assert scores_of(out)["pearson"] == pytest.approx(pearson, abs=0.05)
    assert "precision" not in out
    succeed("predict --model out --test_file unlabelled.csv --max_length 16")
    with (workplace / "predictions.csv").open(newline="") as file:
        said = list(csv.DictReader(file))
    assert list(said[0]) == ["text", "prediction"]
    values = np.array([float(row["prediction"]) for row in said])
    assert 100 * np.corrcoef(values, [row["score"] for row in rows])[0, 1] == pytest.approx(pearson, abs=0.01)


def test_a_finished_run_is_shown_again_and_not_run(succeed, workplace):
    first = succeed(TRAIN)
    before = modified(workplace / "out")
    again = succeed(TRAIN)
    assert again == f"out: this run is already finished\n{first}"
    assert modified(workplace / "out") == before


def test_a_finished_comparison_is_shown_again_and_not_run(succeed, workplace):
    first = succeed(COMPARE)
    before = modified(workplace / "out")
    assert succeed(COMPARE) == first
    after = modified(workplace / "out")
    assert {name: time for name, time in after.items() if "out/" in name} == {
        name: time for name, time in before.items() if "out/" in name
    }
    for words in ("supervised", "comparative", "Verdict: ", "Best run   out/best", "Report     out/report.html"):
        assert words in first


def test_interrupted_training_exits_130_and_continues_to_the_same_model(succeed, cmploss, workplace, signal_at):
    command = f"{TRAIN} --objective comparative"
    succeed(f"{command} --output_dir whole")
    signal_at(2)
    status, out, error = cmploss(command)
    assert (status, out) == (130, "")
    assert error.splitlines()[-1] == "interrupted; the same command continues where it stopped"
    assert sorted(path.name for path in (workplace / "out").iterdir()) == [
        "checkpoint-3",
        "seconds.json",
        "settings.json",
    ]
    succeed(command)
    whole, parts = (workplace / name for name in ("whole", "out"))
    assert (whole / "model.safetensors").read_bytes() == (parts / "model.safetensors").read_bytes()
    assert read_record(whole / "record.json").predictions == read_record(parts / "record.json").predictions
    assert {path.name for path in parts.iterdir()} == {path.name for path in whole.iterdir()}


def test_interrupted_comparison_exits_130_and_continues(cmploss, succeed, workplace, signal_at):
    signal_at(5)  # in the first step of the second run
    status, _, error = cmploss(COMPARE)
    assert (status, error.splitlines()[-1]) == (130, "interrupted; the same command continues where it stopped")
    assert [str(path.parent.relative_to(workplace)) for path in workplace.rglob("record.json")] == [
        "out/supervised/seed-0"
    ]
    assert not (workplace / "out" / "report.md").exists()
    succeed(COMPARE)
    assert len(list(workplace.rglob("record.json"))) == 4
    assert (workplace / "out" / "report.md").is_file()


def test_dry_run_counts_the_remaining_runs_and_writes_nothing(succeed, contents):
    before = contents()
    out = succeed(f"{COMPARE} --dry_run")
    assert "loading and evaluation come on top. Nothing" in out
    powers = succeed(f"{COMPARE} --dropout_power 0,1,2 --dry_run")
    assert "loading and evaluation, also of 2 submodels of every run, come on top. Nothing" in " ".join(powers.split())
    assert contents() == before
    rows = {line.split()[0]: line.split()[1:4] for line in out.splitlines() if line}
    assert rows["supervised"] == ["2", "1", "4"]  # runs, passes per step, steps
    assert rows["comparative"] == ["2", "2", "4"]
    assert "Nothing was written." in out
    succeed(COMPARE.replace("--seeds 2", "--seeds 1"))
    rows = {line.split()[0]: line.split()[1] for line in succeed(f"{COMPARE} --dry_run").splitlines() if line}
    assert (rows["supervised"], rows["comparative"]) == ("1", "1")


def test_yaml_with_a_flag_that_overrides_it(succeed, workplace, settings_of):
    (workplace / "run.yaml").write_text(
        "objective: comparative\nn_drop: 2\nmodel: models/encoder\nmax_length: 16\ntrain_file: train.csv\n"
        "learning_rate: 2e-4\nmax_steps: 3\nuse_cpu: true\noutput_dir: out\nseed: 4\n"
    )
    succeed("train run.yaml --max_steps 2 --n_drop 1")
    settings = settings_of("out")
    assert (settings["training"]["max_steps"], settings["training"]["learning_rate"]) == (2, 2e-4)
    assert (settings["seed"], settings["model"], settings["max_length"]) == (4, "models/encoder", 16)
    assert settings["objective"]["settings"]["n_drop"] == 1


def test_inspect_lists_the_dropout_sites(succeed):
    out = succeed("inspect models/encoder --n_drop 2")
    # Embeddings, the head, and in each of 2 layers attention, its output and the layer's output.
    assert "8 dropout sites, 8 of them active" in out
    assert "CmpDrop(2): works" in out
    assert "passes per step: 3 (full, drop1, drop2)" in out
    out = succeed("inspect models/undropped")
    assert "8 dropout sites, 0 of them active" in out
    assert "CmpDrop(1): does not work: the model has no active dropout" in out
    assert "CmpDrop(1): works" in succeed("inspect models/undropped --dropout_p 0.1")


def test_cells_that_start_a_formula_are_escaped_on_request(succeed, workplace):
    texts = ["=1+1", "+lamp", "-hub", "@so", "the = lamp", "'tis"]
    (workplace / "texts.csv").write_text("text\n" + "\n".join(texts) + "\n")
    for options, expected in (
        ("", texts),
        ("--escape_formulas true", [*(f"'{text}" for text in texts[:4]), *texts[4:]]),
    ):
        succeed(
            f"predict --model models/classifier --test_file texts.csv --output_file said{len(options)}.csv {options}"
        )
        with (workplace / f"said{len(options)}.csv").open(newline="") as file:
            assert [row["text"] for row in csv.DictReader(file)] == expected


def test_more_test_data_are_scored_and_part_of_the_identity(succeed, cmploss, workplace):
    rows = reviews(6, seed=5)
    (workplace / "other.csv").write_text(csv_of(rows))
    out = succeed(f"{TRAIN} --also_test other=other.csv")
    record = read_record(workplace / "out" / "record.json")
    found = record.score("other", "accuracy")
    assert f"other      accuracy {found:.1f}" in out
    assert scores_of(succeed("evaluate --model out --test_file other.csv"))["accuracy"] == pytest.approx(found, abs=0.1)
    (workplace / "other.csv").write_text(csv_of(rows[:4]))
    assert "already holds another run: its also_test.other" in cmploss(f"{TRAIN} --also_test other=other.csv")[2]


def test_evaluate_and_predict_say_what_they_cut(cmploss, workplace, caplog):
    rows = [{**row, "text": row["text"] + 30 * " lamp"} for row in reviews(5)] + reviews(15)
    (workplace / "long.csv").write_text(csv_of(rows))
    cut = "5 of 20 examples of the data are cut at 20 tokens and lose"
    for command in ("evaluate", "predict"):
        status, _, error = cmploss(f"{command} --model models/classifier --test_file long.csv --max_length 20")
        assert status == 0, error
        assert f"note: {cut}" in " ".join(f"{error} {caplog.text}".split())


@pytest.mark.parametrize("model", ["classifier", "regressor"])
def test_evaluate_scores_no_more_examples_than_asked_for(succeed, workplace, model):
    (workplace / "numbers.csv").write_text("text,label\n" + "".join(f"lamp {i},{i}\n" for i in range(9)))
    file = {"classifier": "train.csv", "regressor": "numbers.csv"}[model]
    out = succeed(f"evaluate --model models/{model} --test_file {file} --max_length 16 --max_eval_samples 5")
    assert f"on {file}: 5 examples" in out
