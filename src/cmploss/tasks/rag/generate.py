"""The losses of answers, and answers that a model generates."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import DataCollatorForSeq2Seq
from transformers.cache_utils import DynamicCache, DynamicLayer

from cmploss.ablation import unwrap_model
from cmploss.errors import NotFiniteError
from cmploss.inference import run_sorted
from cmploss.losses.per_example import IGNORED
from cmploss.measures.answer_scores import answer_scores, normalise_answer
from cmploss.objectives import task_loss_for
from cmploss.tasks.qa.crop_dataset import with_context_size
from cmploss.tasks.qa.questions import Question, Segment, evidence_flags
from cmploss.tasks.rag.prompts import Prompts

MEASURES = ("f1", "exact_match", "likelihood")
CHANGED = "answers_changed"
GREEDY: Mapping[str, Any] = {
    "do_sample": False,
    "num_beams": 1,
    "num_return_sequences": 1,
    "use_cache": True,
    "return_dict_in_generate": True,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "encoder_no_repeat_ngram_size": 0,
    "min_length": 0,
    "min_new_tokens": None,
    "bad_words_ids": None,
    "force_words_ids": None,
    "constraints": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "forced_eos_token_id": None,
    "exponential_decay_length_penalty": None,
    "sequence_bias": None,
    "guidance_scale": None,
    "prompt_lookup_num_tokens": None,
    "penalty_alpha": None,
    "watermarking_config": None,
    "dola_layers": None,
    "assistant_early_exit": None,
}
"""Every next token is the most probable one, whatever the generation settings of a checkpoint are."""
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
    read = _Reading(model, prompts, labelled=all(question.answers for question in questions))
    lengths = [len(each["input_ids"]) for each in encoded]
    found = run_sorted(
        model, lengths, lambda rows: read.batch([encoded[row] for row in rows]), read, batch_size=batch_size, **submodel
    )
    losses = np.array([loss for _, loss in found])
    if read.labelled and not np.isfinite(losses).all():
        raise NotFiniteError(f"the loss of question {int(np.isfinite(losses).argmin())} is not finite")
    return Generated(questions, [text for text, _ in found], losses)


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
    run: Callable[[Sequence[Question]], Generated], full: Generated, counts: Iterable[int]
) -> dict[int, dict[str, float]]:
    """The scores of the same questions with their evidence and their first distractors, so many of them.

    ``answers_changed`` is the share of questions whose normalised answer differs from the answer with the fewest
    distractors. ``full`` has the questions with all their segments; nothing is read twice.
    """
    scores, first = {}, None
    known = dict(zip(map(_key, full.questions), zip(full.answers, full.losses, strict=True), strict=True))
    for count in counts:
        sizes = [sum(evidence_flags(question)) + count for question in full.questions]
        read = [with_context_size(question, size) for question, size in zip(full.questions, sizes, strict=True)]
        if new := [question for question in read if _key(question) not in known]:
            found = run(new)
            known |= zip(map(_key, new), zip(found.answers, found.losses, strict=True), strict=True)
        texts, losses = zip(*(known[_key(question)] for question in read), strict=True)
        answers = [normalise_answer(text) for text in texts]
        first = first or answers
        changed = sum(one != two for one, two in zip(first, answers, strict=True))
        scores[count] = {
            **scores_of(Generated(read, list(texts), np.array(losses))),
            CHANGED: 100 * changed / len(answers),
        }
    return scores


def _key(question: Question) -> tuple[str, tuple[Segment, ...]]:
    return question.id, question.segments


class _Reading:
    """Batches of prompts -> the generated text of each, and the loss of its right answer, nan without labels."""

    def __init__(self, model: Any, prompts: Prompts, *, labelled: bool):
        self.model, self.prompts, self.labelled = model, prompts, labelled
        self.collate = PromptCollator(prompts, model)
        self.taken = inspect.signature(unwrap_model(model).forward).parameters
        self.greedy = {**GREEDY, "pad_token_id": prompts.tokenizer.pad_token_id}

    def batch(self, encoded: Sequence[Encoded]) -> dict[str, Any]:
        """Prompts that end together, and ``answers`` ``(batch, tokens)``, padded on the right with −100."""
        batch = self.collate([self.prompts.prompt_of(each) for each in encoded])
        batch.pop("position_ids", None)  # generate makes them
        if self.labelled:
            answers = [torch.tensor([token for token in each["labels"] if token != IGNORED]) for each in encoded]
            batch["answers"] = pad_sequence(answers, batch_first=True, padding_value=IGNORED)
        return batch

    def __call__(self, batch: dict[str, Any]) -> list[tuple[str, float]]:
        answers, tokenizer, prompt = batch.pop("answers", None), self.prompts.tokenizer, batch["input_ids"].shape[1]
        output = self.model.generate(**batch, **self.greedy, max_new_tokens=self.prompts.config.max_answer_tokens)
        new = output.sequences[:, prompt:] if self.prompts.causal else output.sequences
        texts = [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]
        if answers is None:
            return [(text, np.nan) for text in texts]
        of = self._continued if self.prompts.causal else self._decoded
        return list(zip(texts, of(batch, answers, output.past_key_values).double().tolist(), strict=True))

    def _decoded(self, batch: dict[str, Any], answers: Tensor, _: Any) -> Tensor:
        decoder = unwrap_model(self.model).prepare_decoder_input_ids_from_labels(labels=answers)
        return self._losses(self.model(**batch, decoder_input_ids=decoder), answers)

    def _continued(self, batch: dict[str, Any], answers: Tensor, cache: Any) -> Tensor:
        """The losses of answers that continue prompts, whose keys and values are read from the cache if it has them."""
        prompt = batch["input_ids"].shape[1]
        ids = torch.cat([batch["input_ids"], answers.clamp_min(0)], dim=1)
        mask = torch.cat([batch["attention_mask"], (answers != IGNORED).long()], dim=1)
        start = prompt - 1 if _keeps_all(cache) else 0
        inputs: dict[str, Any] = {"position_ids": (mask.cumsum(-1) - 1).clamp_min(0)[:, start:]}
        inputs["logits_to_keep"] = answers.shape[1] + 1
        inputs = {name: value for name, value in inputs.items() if name in self.taken}
        if start:
            cache.crop(start - cache.get_seq_length())
            inputs["past_key_values"] = cache
        outputs = self.model(input_ids=ids[:, start:], attention_mask=mask, **inputs)
        return self._losses(outputs, torch.cat([torch.full_like(answers[:, :1], IGNORED), answers], dim=1))

    def _losses(self, outputs: Any, labels: Tensor) -> Tensor:
        return task_loss_for(self.model, {"labels": labels})(outputs, {"labels": labels})


def _keeps_all(cache: Any) -> bool:
    """Whether a cache has keys and values of each token, so that those of the last ones can be removed."""
    return isinstance(cache, DynamicCache) and all(type(layer) is DynamicLayer for layer in cache.layers)
