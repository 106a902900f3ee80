"""LoRA of language models: what is trained, every objective, and that peft alone loads the adapter."""

import json
import math
import os
import subprocess
import sys

import pytest
import torch

from cmploss.cli.main import main
from cmploss.model_config import Lora
from cmploss.models import add_lora, load_model, new_model
from cmploss.studies import compare
from cmploss.studies.evaluation import evaluate
from cmploss.studies.evaluation_config import EvaluationConfig
from cmploss.tasks.data_config import DataConfig
from tests.local_generator import save_generator
from tests.local_questions import segmented

OBJECTIVES = (
    "supervised",
    "no_dropout",
    "raft(without_evidence=0.5)",
    "equal_compute",
    "weighted(primary=max)",
    "comparative",
    "comparative(n_drop=1,engine=two_pass)",
    "rdrop",
    "self_distill(n_drop=1,n_crop=0)",
)
ALONE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
folder, ids = sys.argv[1], json.loads(sys.argv[2])
card = open(f"{folder}/README.md").read().replace("path/to/this/folder", folder)
exec(card.partition("```python")[2].partition("```")[0])
with torch.no_grad():
    print(json.dumps(model(torch.tensor([ids])).logits[0, -1].tolist()))
assert "cmploss" not in sys.modules
"""


@pytest.mark.parametrize("kind", ["gpt2", "qwen", "t5"])
@pytest.mark.parametrize("tied", [False, True])
def test_only_its_matrices_are_trained_and_the_head_stays_tied(kind, tied, tmp_path):
    head = "Seq2SeqLM" if kind == "t5" else "CausalLM"
    name = save_generator(tmp_path, kind, tie_word_embeddings=tied)
    plain = new_model(name, head, seed=0)
    shared = plain.get_output_embeddings().weight is plain.get_input_embeddings().weight
    model = add_lora(plain, Lora.parse("r=2"), name)
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    assert trained
    assert all("lora_" in name and "lm_head" not in name for name in trained)
    assert shared == tied or kind == "t5"
    assert (plain.get_output_embeddings().weight is plain.get_input_embeddings().weight) == shared


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in segmented(40)))
    return compare(
        task="rag",
        train_file=str(folder / "train.jsonl"),
        model=save_generator(folder / "model", "qwen", tie_word_embeddings=True),
        objectives=OBJECTIVES,
        n_crop=1,
        n_drop=0,
        lora="r=4,alpha=16",
        seeds=1,
        output_dir=str(folder / "study"),
        distractor_counts="0,2",
        max_steps=8,
        logging_steps=1,
        max_length=64,
        max_answer_tokens=3,
        use_cpu=True,
        learning_rate=2e-2,
    )


def test_every_objective_trains(study):
    assert study.failures() == {}
    assert len(study.records()) == len(OBJECTIVES)
    for record in study.records():
        losses = [entry["loss"] for entry in record.history if "loss" in entry]
        assert min(losses[4:]) < losses[0], record.name
        assert record.settings["lora"] == "r=4,alpha=16,dropout=0.1"
        assert record.measures("test", {"distractors": 2})["likelihood"] > 0


def test_the_adapter_is_small_and_evaluates_as_the_record(study):
    best = study.folder / "best"
    whole = (study.folder.parent / "model" / "model.safetensors").stat().st_size
    assert (best / "adapter_model.safetensors").stat().st_size < whole
    found = evaluate(DataConfig(train_file=str(study.folder.parent / "train.jsonl")), EvaluationConfig(str(best)))
    records = [record.measures("test")["likelihood"] for record in study.records()]
    assert any(math.isclose(found.scores["likelihood"], each, rel_tol=1e-6) for each in records)


def test_it_loads_in_a_process_without_this_package(study):
    best, ids = str(study.folder / "best"), [5, 6, 7, 8]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", ALONE, best, json.dumps(ids)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    with torch.no_grad():
        expected = load_model(best, "CausalLM").cpu()(torch.tensor([ids])).logits[0, -1]
    torch.testing.assert_close(torch.tensor(json.loads(done.stdout)), expected, rtol=1e-4, atol=1e-5)


def test_inspect_shows_the_dropout_of_lora_alone(tmp_path, capsys):
    name = save_generator(tmp_path, "qwen")
    assert main(["inspect", name]) == 0
    assert "the model has no active dropout to ablate" in capsys.readouterr().out
    assert main(["inspect", name, "--lora", "r=8"]) == 0
    shown = capsys.readouterr().out
    assert "16 dropout sites, 14 of them active" in shown  # seven linear layers in each of two
    assert "CmpDrop(1): works" in shown
