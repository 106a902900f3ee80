"""A reader: a fine-tuned checkpoint that answers questions with spans of texts."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from scipy.special import softmax
from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.model_files import model_files
from cmploss.models import load_model, load_tokenizer
from cmploss.tasks.data_tables import shown
from cmploss.tasks.qa.answers import Answers, answered
from cmploss.tasks.qa.json_nodes import Node
from cmploss.tasks.qa.questions import FIRST_TEXT, Question, Segment, Span, is_text, segment_number
from cmploss.tasks.qa.reader_config import FILE, ReaderConfig
from cmploss.tasks.qa.windows import note_on_long, note_on_partial

Passage = str | Mapping[str, Any]
Context = Passage | Sequence[Passage]

logger = logging.getLogger(__name__)

CANDIDATES = 20
"""Number of spans in the softmax of the probability, as in the n-best file of SQuAD."""


@dataclass(frozen=True)
class ReaderAnswer:
    """An answer of a reader.

    Attributes:
        text: ``passage[start:end]`` or ``title[start:end]``; ``yes``, ``no``, or ``""`` for no answer.
        probability: ``exp(score) / Σ exp(scores)`` over the 20 best spans of the question (or ``top_k``, if that is
            more) and no answer. It compares the answers to one question, and is not calibrated.
        score: Start logit + end logit; for no answer, the null score.
        start: First character of the answer in its passage. ``start``, ``end``, ``passage`` and ``in_title`` are None
            for yes, no and no answer.
        end: The character after the last one.
        passage: Number of the passage, from 0; 0 if the context is one text.
        in_title: Whether the answer is in the passage's title.
        no_answer_score: Score of giving no answer, the smallest over the windows of the question.
    """

    text: str
    probability: float
    score: float
    start: int | None
    end: int | None
    passage: int | None
    in_title: bool | None
    no_answer_score: float


class Reader:
    """Answers questions about texts: ``Reader.from_pretrained(path)``, then ``reader(question, context)``.

    Contexts of any length are read in windows; the best answers over all windows are returned. Several passages are
    read together, with their titles, if the reader was trained so (layout ``paragraphs``), else one by one.

    Args:
        model: Any transformers model with start and end logits.
        tokenizer: Its fast tokenizer.
        config: Layout, limits of windows and threshold for no answer.
    """

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, config: ReaderConfig):
        self.model, self.tokenizer, self.config = model, tokenizer, config

    @classmethod
    def from_pretrained(cls, path: str | Path, *, device: str | torch.device | None = None) -> "Reader":
        """Load any checkpoint for question answering, of ``cmploss train`` or another source.

        Its ``reader.json`` has the settings for reading. Without this file, the layout is ``context``, windows have 384
        tokens and share 128 (or fewer if the tokenizer's limit is lower), and every question gets an answer.

        Args:
            path: Folder or hub id of a checkpoint that ``AutoModelForQuestionAnswering`` loads.
            device: Such as ``"cuda"``; by default the accelerator if there is one, else the CPU.

        Raises:
            UserError: If the checkpoint cannot be loaded, or has no question answering head or a faulty
                ``reader.json``.
        """
        name = str(path)
        model = load_model(name, "QuestionAnswering", device)
        tokenizer = load_tokenizer(name)
        return cls(model, tokenizer, reader_config(name, tokenizer))

    def __call__(
        self,
        question: str | Sequence[str],
        context: Context | Sequence[Context],
        *,
        top_k: int = 1,
        batch_size: int | None = None,
    ) -> Any:
        """Answer one question or several.

        Args:
            question: One question, or a list of them.
            context: For one question, a text or a list of passages: texts, or dictionaries with ``text`` and optionally
                ``title``. For a list of questions, a list of their contexts, or one text for all.
            top_k: Number of answers per question: different spans, which may overlap or have the same text.
            batch_size: Windows per batch; by default as many as suit the device and their length.

        Returns:
            For one question, a :class:`ReaderAnswer`, or with ``top_k`` above 1 a list of at most ``top_k``, best
            first; for a list of questions, a list of these. No answer comes first if its score exceeds the score of the
            best span by more than ``config.no_answer_threshold``, or if there is no span.

        Raises:
            UserError: If a question or text is empty, the numbers of questions and contexts differ, or ``top_k`` or
                ``batch_size`` is below 1.
        """
        if not isinstance(top_k, Integral) or top_k < 1:
            raise UserError(f"top_k must be a whole number >= 1, got {top_k!r}")
        questions = _questions_of(question, context)
        read = self.read(questions, n_best=max(top_k, CANDIDATES), batch_size=batch_size)
        found = [self._chosen(answers, top_k) for answers in read]
        results = found if top_k > 1 else [answers[0] for answers in found]
        return results[0] if isinstance(question, str) else results

    def read(self, questions: Sequence[Question], *, n_best: int = 1, batch_size: int | None = None) -> list[Answers]:
        """The best spans and the null score of each question; a warning counts questions and texts that are cut.

        Raises:
            UserError: If the windows have no room for the context, or ``batch_size`` is below 1.
        """
        if not questions:
            return []
        model, tokenizer = self.model, self.tokenizer
        notes = note_on_long(questions, tokenizer, self.config.windows)
        windows = self.config.windows_of(questions, tokenizer)
        notes += note_on_partial(self.config.shortened(windows), len(questions))
        for note in notes:
            logger.warning("note: %s", note)
        return answered(model, tokenizer, self.config, questions, windows, n_best=n_best, batch_size=batch_size).answers

    def _chosen(self, answers: Answers, top_k: int) -> list[ReaderAnswer]:
        null = answers.null_score
        candidates = [("", null, None), *((answer.text, answer.score, answer.span) for answer in answers.best)]
        probabilities = softmax([score for _, score, _ in candidates]).tolist()
        found = [
            ReaderAnswer(text, probability, score, *_place(span), null)
            for (text, score, span), probability in zip(candidates, probabilities, strict=True)
        ]
        refused = answers.text(self.config.no_answer_threshold) == ""
        return (found if refused else found[1:])[:top_k]


def _place(span: Span | None) -> tuple[int | None, int | None, int | None, bool | None]:
    if span is None or span.text < FIRST_TEXT:
        return None, None, None, None
    return span.start, span.end, segment_number(span.text), not is_text(span.text)


def reader_config(name: str, tokenizer: PreTrainedTokenizerBase) -> ReaderConfig:
    """The settings in the ``reader.json`` of a checkpoint, else one text per window of up to 384 tokens."""
    folder = Path(model_files(name))
    if not folder.is_dir():
        with suppress(EntryNotFoundError):  # also if offline and never downloaded
            folder = Path(hf_hub_download(name, FILE)).parent
    usual = ReaderConfig()
    longest = min(usual.windows.max_length, int(tokenizer.model_max_length))
    return ReaderConfig.load(folder) or usual.with_max_length(longest)


def _questions_of(question: Any, context: Any) -> list[Question]:
    if isinstance(question, str) or not isinstance(question, Iterable):
        return [_question("0", Node("", "question", question), Node("", "context", context))]
    texts, contexts = list(question), context
    if isinstance(context, str | Mapping):
        contexts = [context] * len(texts)
    elif not isinstance(context, Iterable) or len(contexts := list(context)) != len(texts):
        found = len(contexts) if isinstance(contexts, list) else "no"
        raise UserError(
            f"there are {len(texts)} questions but {found} contexts; give one context per question, or one text for all"
        )
    return [
        _question(str(number), Node("", f"question[{number}]", text), Node("", f"context[{number}]", read))
        for number, (text, read) in enumerate(zip(texts, contexts, strict=True))
    ]


def _question(id: str, question: Node, context: Node) -> Question:
    if isinstance(context.value, str | Mapping):
        segments = [_segment(context)]
    elif isinstance(context.value, Iterable):
        segments = [_segment(passage) for passage in replace(context, value=list(context.value)).items()]
    else:
        raise context.fault(f"{shown(context.value)} is neither a text nor a list of passages")
    if not segments:
        raise context.fault("has no passages; give at least one")
    return Question(id, question.text(), tuple(segments), place=question.place)


def _segment(passage: Node) -> Segment:
    if not isinstance(passage.value, Mapping):
        return Segment(passage.text())
    fields = replace(passage, value=dict(passage.value))
    title = fields.get("title")
    text = fields["text"].text() if title is None else fields["text"].string()
    return Segment(text, None if title is None else title.string())
