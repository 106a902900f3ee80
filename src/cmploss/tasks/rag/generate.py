"""The losses of answers, and answers that a model generates."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import DataCollatorForSeq2Seq

from cmploss.ablation import unwrap_model
from cmploss.errors import NotFiniteError
from cmploss.inference import run_sorted
from cmploss.measures.answer_scores import answer_scores, normalise_answer
from cmploss.objectives import task_loss_for
from cmploss.tasks.qa.crop_dataset import with_context_size
from cmploss.tasks.qa.questions import Question, evidence_flags
from cmploss.tasks.rag.prompts import Prompts

MEASURES = ("f1", "exact_match", "likelihood")
CHANGED = "answers_changed"
Encoded = dict[str, list[int]]


class PromptCollator:
    """Pad prompts: on the left for a causal model, so that answers end together, on the right for any other.

    A batch has ``input_ids`` and ``attention_mask`` ``(batch, tokens)``, and with labels ``labels`` ``(batch, last)``
    and the ``decoder_input_ids`` of a sequence-to-sequence model. For a causal model it also has ``position_ids``,
    which padding does not shift, and ``logits_to_keep``, the number of last positions whose logits are needed; each if
    the model takes it.

    Args:
        prompts: They made the examples.
        model: The model that reads the batches.
    """

    def __init__(self, prompts: Prompts, model: nn.Module):
        tokenizer, plain = prompts.tokenizer, unwrap_model(model)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._pad = DataCollatorForSeq2Seq(tokenizer, model=None if prompts.causal else plain)
        taken = inspect.signature(plain.forward).parameters if prompts.causal else {}
        self._positions, self._keeps = "position_ids" in taken, "logits_to_keep" in taken

    def __call__(self, examples: Sequence[Encoded]) -> dict[str, Any]:
        padded = self._pad([dict(example) for example in examples])
        batch = {name: values for name, values in padded.items() if values is not None}
        if self._positions:
            batch["position_ids"] = (batch["attention_mask"].cumsum(-1) - 1).clamp_min(0)
        if self._keeps and "labels" in batch:
            batch["logits_to_keep"] = batch["labels"].shape[1]
        return batch


@dataclass(frozen=True)
class Generated:
    """Generated answers, and the mean loss over the tokens of each right one ``(questions,)``, nan without one."""

    questions: Sequence[Question]
    answers: list[str]
    losses: NDArray[np.float64]


def generated(
    model: Any,
    prompts: Prompts,
    questions: Sequence[Question],
    encoded: Sequence[Encoded] | None = None,
    *,
    batch_size: int | None,
    **submodel: Any,
) -> Generated:
    """Answer questions greedily, in eval mode or as a submodel (see :func:`cmploss.inference.run_sorted`).

    Raises:
        NotFiniteError: The loss of an answer is not finite.
    """
    if encoded is None:
        encoded = [prompts.encoded(prompts.fitted(question)[0]) for question in questions]
    options = {"batch_size": batch_size, **submodel}
    losses = np.full(len(questions), np.nan)
    if all(question.answers for question in questions):
        losses = np.array(_run(model, prompts, encoded, _losses_of(model), options))
        if not np.isfinite(losses).all():
            raise NotFiniteError(f"the loss of question {int(np.isfinite(losses).argmin())} is not finite")
    alone = [prompts.prompt_of(each) for each in encoded]
    return Generated(questions, _run(model, prompts, alone, _answers_of(model, prompts), options), losses)


def scores_of(found: Generated) -> dict[str, float]:
    """F1, exact match and likelihood of the first answer, in percent.

    Likelihood is the mean of ``100 · exp(−l)``: the geometric mean of the probabilities of the answer's tokens.
    """
    return {name: float(np.mean(values)) for name, values in lists_of(found).items()}


def lists_of(found: Generated) -> dict[str, list[float]]:
    """The measures of each question."""
    pairs = zip(found.answers, found.questions, strict=True)
    exact, f1 = zip(*(answer_scores(text, question.answers) for text, question in pairs), strict=True)
    return {"f1": list(f1), "exact_match": list(exact), "likelihood": (100 * np.exp(-found.losses)).tolist()}


def distractor_scores(
    run: Callable[[Sequence[Question]], Generated], questions: Sequence[Question], counts: Iterable[int]
) -> dict[int, dict[str, float]]:
    """The scores of the same questions with their evidence and their first distractors, so many of them.

    ``answers_changed`` is the share of questions whose normalised answer differs from the answer with the fewest
    distractors.
    """
    scores, first = {}, None
    for count in counts:
        sizes = [sum(evidence_flags(question)) + count for question in questions]
        found = run([with_context_size(question, size) for question, size in zip(questions, sizes, strict=True)])
        answers = [normalise_answer(answer) for answer in found.answers]
        first = first or answers
        changed = sum(one != two for one, two in zip(first, answers, strict=True))
        scores[count] = {**scores_of(found), CHANGED: 100 * changed / len(answers)}
    return scores


def _run(model: Any, prompts: Prompts, encoded: Sequence[Encoded], run: Any, options: dict[str, Any]) -> list[Any]:
    collate = PromptCollator(prompts, model)
    lengths = [len(each["input_ids"]) for each in encoded]
    return run_sorted(model, lengths, lambda rows: collate([encoded[row] for row in rows]), run, **options)


def _losses_of(model: Any) -> Callable[[dict[str, Any]], list[float]]:
    def run(batch: dict[str, Any]) -> list[float]:
        labels = {"labels": batch.pop("labels")}
        losses: list[float] = task_loss_for(model, labels)(model(**batch), labels).double().tolist()
        return losses

    return run


def _answers_of(model: Any, prompts: Prompts) -> Callable[[dict[str, Tensor]], list[str]]:
    tokenizer = prompts.tokenizer
    greedy = {"do_sample": False, "num_beams": 1, "use_cache": True, "pad_token_id": tokenizer.pad_token_id}

    def run(batch: dict[str, Tensor]) -> list[str]:
        batch.pop("position_ids", None)  # generate makes them
        ids = model.generate(**batch, **greedy, max_new_tokens=prompts.config.max_answer_tokens)
        new = ids[:, batch["input_ids"].shape[1] :] if prompts.causal else ids
        return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]

    return run
