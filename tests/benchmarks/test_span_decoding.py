"""The benchmark of span decoding on a small data set: it runs, and its check of the answers can fail."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BertTokenizer

from tests.local_model import WORDS
from tests.tiny import model_of

FILE = Path(__file__).parents[2] / "benchmarks" / "span_decoding.py"
LONG, SHORT = "the lamp is dead and so " * 100, "my new door is very bright"  # 600 tokens are two windows


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.setenv("OMP_PROC_BIND", "true")  # as the script would for the processes that follow
    spec = importlib.util.spec_from_file_location("span_decoding", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    return module


@pytest.fixture
def reader(tmp_path):
    folder = str(tmp_path / "reader")
    model_of("Bert", "span", vocab_size=len(WORDS), max_position_embeddings=400).save_pretrained(folder)
    tokenizer = BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)})
    tokenizer.model_max_length = 400
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def squad(tmp_path):
    questions = [[{"question": "is the lamp dead"}, {"question": "my door"}], [{"question": "is the door new"}]]
    paragraphs = [{"context": text, "qas": qas} for text, qas in zip((LONG, SHORT), questions, strict=True)]
    (tmp_path / "dev-v1.1.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("logits", ["random", "reader"])
def test_benchmark_counts_and_compares(benchmark, reader, squad, logits, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "DEFAULT_MODEL", reader)
    output = squad / "out.json"
    arguments = ["--data_dir", str(squad), "--rounds", "2", "--output", str(output)]
    benchmark.main([*arguments, "--model", reader] if logits == "reader" else arguments)
    found = json.loads(output.read_text(encoding="utf-8"))
    assert (found["windows"], found["tokens"]) == (2 + 2 + 1, 384)
    agreement = found["agreement"]
    assert agreement["questions"] == agreement["best_score_right_ours"] == agreement["n_best_scores_right_ours"] == 3
    assert agreement["best_span_same"] == agreement["best_score_right_loop"]
    rounds = found["seconds_of_rounds"]
    ratios = sorted(one / other for one, other in zip(rounds["loop"], rounds["ours"], strict=True))
    assert found["ratio"] == pytest.approx(sum(ratios) / 2)
    printed = capsys.readouterr().out
    assert (
        "3 questions, 5 windows of 384 tokens, logits " + ("of " if logits == "reader" else "random, seed 0") in printed
    )
    assert f"{found['ratio']:.1f} times faster" in printed
    assert str(squad) not in output.read_text(encoding="utf-8").replace(reader, "")


def test_wrong_answers_are_counted(benchmark, reader, squad):
    windows = benchmark.read_windows(squad / benchmark.FILE, reader, None)
    logits = benchmark.random_logits(windows, seed=0)
    found = benchmark.tensors(*map(torch.from_numpy, logits), windows)
    looped, exact = benchmark.loop(*logits, windows), benchmark.brute_force(*logits, windows)
    right = benchmark.agreement(windows, found, looped, exact)
    scores, starts, ends = found.scores.clone(), found.starts.clone(), found.ends.clone()
    scores[0, 0] += 1
    scores[1, -1] -= 1
    starts[2, 0], ends[2, 0] = starts[2, 1], ends[2, 1]
    changed = replace(found, scores=scores, starts=starts, ends=ends)
    wrong = benchmark.agreement(windows, changed, looped, exact)
    assert wrong["best_score_right_ours"] == right["best_score_right_ours"] - 1
    assert wrong["n_best_scores_right_ours"] == right["n_best_scores_right_ours"] - 2
    assert wrong["best_span_same"] == right["best_span_same"] - 1


def test_the_loop_by_hand(benchmark):
    """Starts 1 and 2, ends 1 and 2, of tokens 1 and 2 alone: three spans, best first."""
    windows = benchmark.Windows(
        inputs={},
        offsets=[[None, (0, 3), (4, 7), None]],
        of_question=[[0]],
        segments=torch.tensor([[-1, 0, 0, -1]]),
        questions=torch.tensor([0]),
    )
    start, end = ([[9.0, 1.0, 2.0, 9.0]], [[9.0, 4.0, 1.5, 9.0]])
    ((best, second, third),) = benchmark.loop(*(torch.tensor(logits).numpy() for logits in (start, end)), windows)
    assert (best["characters"], best["score"]) == ((0, 3), 5.0)
    assert (second["characters"], second["score"]) == ((4, 7), 3.5)
    assert (third["characters"], third["score"]) == ((0, 7), 2.5)
