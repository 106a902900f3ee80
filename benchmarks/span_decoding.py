"""Span decoding against the usual n-best loop, on windows of every question of SQuAD's dev set.

Both get the same logits and give the best spans of each question; only that is timed, in turns, so that both see the
same machine. The logits are random unless --model names a reader: noise, with a peak at a short span of the context.

    python benchmarks/span_decoding.py --data_dir squad --threads 2 --output span_decoding.json
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

# Threads stay on their cores: where two come to share one, each operation waits for the scheduler.
os.environ.setdefault("OMP_PROC_BIND", "true")

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModelForQuestionAnswering

from cmploss.experiment import environment
from cmploss.model_config import DEFAULT_MODEL
from cmploss.models import load_tokenizer, model_files
from cmploss.tasks.qa.decoding import Spans, best_spans

FILE = "dev-v1.1.json"
MAX_LENGTH, STRIDE = 384, 128
N_BEST, MAX_ANSWER_TOKENS = 20, 30
PEAK, WIDTH, BEYOND = 8.0, 2.0, -5.0  # of the random logits; noise has standard deviation 1

Logits = NDArray[np.float32]
Candidate = dict[str, Any]


@dataclass(frozen=True)
class Windows:
    """The windows of all questions, in the forms that a model, the loop and the tensor code read."""

    inputs: dict[str, Tensor]  # (windows, tokens) each
    offsets: list[list[tuple[int, int] | None]]  # characters of each token; None outside of the context
    of_question: list[list[int]]
    segments: Tensor  # (windows, tokens): 0 in the context, −1 outside of it
    questions: Tensor  # (windows,)


def read_windows(file: Path, tokenizer_name: str, limit: int | None) -> Windows:
    articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    pairs = [(each["question"], paragraph["context"]) for paragraph in paragraphs for each in paragraph["qas"]]
    texts, contexts = zip(*pairs[:limit], strict=True)
    encoded = load_tokenizer(tokenizer_name)(
        list(texts),
        list(contexts),
        truncation="only_second",
        max_length=MAX_LENGTH,
        stride=STRIDE,
        padding="max_length",
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    in_context = [[part == 1 for part in encoded.sequence_ids(row)] for row in range(len(encoded["input_ids"]))]
    offsets = [
        [tuple(place) if inside else None for place, inside in zip(places, insides, strict=True)]
        for places, insides in zip(encoded.pop("offset_mapping"), in_context, strict=True)
    ]
    questions = encoded.pop("overflow_to_sample_mapping")
    of_question: list[list[int]] = [[] for _ in texts]
    for window, question in enumerate(questions):
        of_question[question].append(window)
    return Windows(
        inputs={name: torch.tensor(values) for name, values in encoded.items()},
        offsets=offsets,
        of_question=of_question,
        segments=torch.tensor(in_context).long() - 1,
        questions=torch.tensor(questions),
    )


def random_logits(windows: Windows, seed: int) -> tuple[Logits, Logits]:
    """Noise, low outside of the context, with a peak at the start and one at the end of a span of 1 to 6 tokens."""
    draw = np.random.default_rng(seed)
    inside = windows.segments.numpy() == 0
    count, tokens = inside.shape
    first = inside.argmax(1) + (draw.random(count) * inside.sum(1)).astype(int)
    last = first + draw.integers(6, size=count)

    def peaked(at: NDArray[Any]) -> Logits:
        peak = PEAK * np.exp(-np.abs(np.arange(tokens) - at[:, None]) / WIDTH)
        logits = draw.standard_normal((count, tokens)) + np.where(inside, peak, BEYOND)
        return logits.astype(np.float32)

    return peaked(first), peaked(last)


def logits_of(model_name: str, windows: Windows) -> tuple[Logits, Logits]:
    model = AutoModelForQuestionAnswering.from_pretrained(model_files(model_name)).eval()
    starts, ends = [], []
    with torch.inference_mode():
        for rows in torch.split(torch.arange(len(windows.questions)), 32):
            outputs = model(**{name: values[rows] for name, values in windows.inputs.items()})
            starts.append(outputs.start_logits)
            ends.append(outputs.end_logits)
    return torch.cat(starts).numpy(), torch.cat(ends).numpy()


def loop(start_logits: Logits, end_logits: Logits, windows: Windows) -> list[list[Candidate]]:
    """The usual loop of example scripts: n best starts × n best ends of each window, those that are spans, sorted."""
    answers = []
    for of_question in windows.of_question:
        candidates = []
        for window in of_question:
            start, end, offsets = start_logits[window], end_logits[window], windows.offsets[window]
            best_starts = np.argsort(start)[: -N_BEST - 1 : -1].tolist()
            best_ends = np.argsort(end)[: -N_BEST - 1 : -1].tolist()
            for i in best_starts:
                for j in best_ends:
                    if i >= len(offsets) or j >= len(offsets) or offsets[i] is None or offsets[j] is None:
                        continue
                    if j < i or j - i + 1 > MAX_ANSWER_TOKENS:
                        continue
                    candidates.append(
                        {
                            "window": window,
                            "characters": (offsets[i][0], offsets[j][1]),
                            "score": start[i] + end[j],
                            "start_logit": start[i],
                            "end_logit": end[j],
                        }
                    )
        answers.append(sorted(candidates, key=lambda candidate: candidate["score"], reverse=True)[:N_BEST])
    return answers


def tensors(start_logits: Tensor, end_logits: Tensor, windows: Windows) -> Spans:
    return best_spans(
        *(start_logits, end_logits, windows.segments, windows.questions),
        n_best=N_BEST,
        max_answer_tokens=MAX_ANSWER_TOKENS,
    )


def brute_force(start_logits: Logits, end_logits: Logits, windows: Windows) -> list[list[float]]:
    """The n best scores of each question, from all of its spans."""
    tokens = np.arange(start_logits.shape[1])
    length = tokens - tokens[:, None] + 1
    i, j = ((length >= 1) & (length <= MAX_ANSWER_TOKENS)).nonzero()
    inside = windows.segments.numpy() == 0
    best = []
    for of_question in windows.of_question:
        legal = inside[of_question][:, i] & inside[of_question][:, j]
        scores = (start_logits[of_question][:, i] + end_logits[of_question][:, j])[legal]
        best.append(np.sort(scores)[::-1][:N_BEST].tolist())
    return best


def agreement(
    windows: Windows, found: Spans, looped: list[list[Candidate]], exact: list[list[float]]
) -> dict[str, int]:
    """In how many questions the loop and ours agree, and each of them with brute force."""
    ours = [[score for score in scores if score > -torch.inf] for scores in found.scores.tolist()]
    theirs = [[float(candidate["score"]) for candidate in candidates] for candidates in looped]
    places = zip(*(tensor[:, 0].tolist() for tensor in (found.windows, found.starts, found.ends)), strict=True)
    our_spans = [
        (window, windows.offsets[window][start][0], windows.offsets[window][end][1]) for window, start, end in places
    ]
    their_spans = [(each[0]["window"], *each[0]["characters"]) if each else None for each in looped]

    def equal(ones: list[Any], others: list[Any]) -> int:
        return sum(one == other for one, other in zip(ones, others, strict=True))

    def firsts(lists: list[list[float]]) -> list[list[float]]:
        return [scores[:1] for scores in lists]

    return {
        "questions": len(exact),
        "best_span_same": equal(our_spans, their_spans),
        "best_score_right_ours": equal(firsts(ours), firsts(exact)),
        "best_score_right_loop": equal(firsts(theirs), firsts(exact)),
        "n_best_scores_right_ours": equal(ours, exact),
        "n_best_scores_right_loop": equal(theirs, exact),
    }


def seconds_of(call: Callable[[], Any], calls: int = 1) -> float:
    """Mean of the calls, the first of which finds cold caches."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def measure(windows: Windows, start_logits: Logits, end_logits: Logits, rounds: int) -> dict[str, Any]:
    start, end = torch.from_numpy(start_logits), torch.from_numpy(end_logits)
    found, looped = tensors(start, end, windows), loop(start_logits, end_logits, windows)  # also warms up
    seconds: dict[str, list[float]] = {"loop": [], "ours": []}
    for _ in range(rounds):
        seconds["loop"].append(seconds_of(lambda: loop(start_logits, end_logits, windows)))
        seconds["ours"].append(seconds_of(lambda: tensors(start, end, windows), calls=5))
    ratios = [one / other for one, other in zip(*seconds.values(), strict=True)]
    return {
        "windows": len(windows.questions),
        "tokens": start.shape[1],
        "loop_s": median(seconds["loop"]),
        "ours_s": median(seconds["ours"]),
        "ratio": median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "seconds_of_rounds": seconds,
        "agreement": agreement(windows, found, looped, brute_force(start_logits, end_logits, windows)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", type=Path, required=True, help=f"folder with {FILE}")
    parser.add_argument("--model", help="a reader whose logits are decoded; random logits without it")
    parser.add_argument("--max_questions", type=int, help="take the first ones only")
    parser.add_argument("--seed", type=int, default=0, help="of the random logits")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    windows = read_windows(options.data_dir / FILE, options.model or DEFAULT_MODEL, options.max_questions)
    logits = logits_of(options.model, windows) if options.model else random_logits(windows, options.seed)
    results = measure(windows, *logits, options.rounds)
    agreed = results["agreement"]
    print(
        f"{agreed['questions']} questions, {results['windows']} windows of {results['tokens']} tokens, "
        f"logits {'of ' + options.model if options.model else f'random, seed {options.seed}'}; "
        f"{N_BEST} best spans of at most {MAX_ANSWER_TOKENS} tokens; {options.threads} threads, "
        f"medians of {options.rounds} rounds\n"
        f"loop {results['loop_s']:.2f} s, ours {results['ours_s']:.3f} s: {results['ratio']:.1f} times faster "
        f"({results['ratio_range'][0]:.1f} to {results['ratio_range'][1]:.1f})\n"
        f"best span the same in {agreed['best_span_same']}; best score that of brute force: "
        f"ours {agreed['best_score_right_ours']}, loop {agreed['best_score_right_loop']}; "
        f"all {N_BEST}: ours {agreed['n_best_scores_right_ours']}, loop {agreed['n_best_scores_right_loop']}"
    )
    if options.output:
        settings = {name: value for name, value in vars(options).items() if name not in ("data_dir", "output")}
        settings |= {"n_best": N_BEST, "max_answer_tokens": MAX_ANSWER_TOKENS, "stride": STRIDE}
        content = {"environment": environment(), "settings": settings, **results}
        options.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
