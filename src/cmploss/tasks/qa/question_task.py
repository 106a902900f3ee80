"""Question answering in a study."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from cmploss.ablation import CmpCrop
from cmploss.errors import UserError
from cmploss.experiment import CONTEXT_SIZE, Noise, RunRecord, Score
from cmploss.measures.answer_scores import answer_scores
from cmploss.models import load_tokenizer, new_reader, save_model
from cmploss.tasks.ablation_curve import Submodels, curve_scores, submodel_curve
from cmploss.tasks.base import SELECTION_PART, Results, Sample, parts_to_score, reported_part
from cmploss.tasks.model_card import reader_card
from cmploss.tasks.qa import (
    CropDataset,
    Question,
    QuestionConfig,
    QuestionData,
    ViewCollator,
    Window,
    WindowCollator,
    WindowConfig,
    paragraph_windows,
    with_context_size,
)
from cmploss.tasks.qa.answer_scoring import AnsweredPart, answered, best_threshold, part_scores
from cmploss.tasks.qa.question_splits import sample as drawn
from cmploss.tasks.qa.reader_config import ReaderConfig

THRESHOLD = "no_answer_threshold"


class QuestionTask:
    """Questions as windows for one model.

    Args:
        data: The questions.
        model: Hub id or folder.
        max_length: Tokens of a window at most.
        reading: Everything else that decides what a window is.
    """

    def __init__(self, data: QuestionData, model: str, max_length: int, reading: QuestionConfig):
        self.data = data
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        self._model = model
        self._sizes = reading.sizes
        self.reader = ReaderConfig(
            layout=data.layout,
            windows=WindowConfig(max_length, reading.stride, reading.max_question_tokens, reading.max_paragraph_tokens),
            fit=reading.fit,
            max_answer_tokens=reading.max_answer_tokens,
        )
        self.windows = cache(self._windows)
        self._tuned = self.data.has_unanswerable

    @property
    def description(self) -> str:
        """How the contexts are read."""
        return "question answering, one text" if self.data.layout == "context" else "question answering, paragraphs"

    @property
    def model_class(self) -> str:
        """With start and end logits."""
        return "AutoModelForQuestionAnswering"

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        """A question answering model with a new head; a checkpoint keeps its head."""
        return new_reader(str(start or self._model), seed=seed)

    def examples(self, sample: Sample) -> int:
        """One for each window of a context, or for each question over paragraphs.

        Raises:
            UserError: For noise.
        """
        if sample.noise != Noise():
            raise UserError(f"--noise {sample.noise} is for texts with labels; leave it out in question answering")
        return len(self.train(sample)) if self.data.layout == "context" else sample.size or len(self.data.train)

    def notes(self, sample: Sample) -> tuple[str, ...]:
        """Nothing is ever changed."""
        return ()

    def train(self, sample: Sample, crops: int = 0) -> Any:
        """Windows of the training questions; over paragraphs with evidence flags each question as its views.

        Raises:
            UserError: For crops where there are no paragraphs, or no evidence flags.
        """
        size, seed = sample.size, sample.seed
        questions: Sequence[Question] = self.data.train
        if size is not None:
            questions = [questions[index] for index in drawn(len(questions), size, seed)]
        flagged = all(segment.evidence is not None for question in questions for segment in question.segments)
        if self.data.layout == "paragraphs" and (flagged or crops):
            return CropDataset(questions, self.tokenizer, self.reader.windows, CmpCrop(crops), seed=seed)
        if crops:
            raise UserError(
                f"--n_crop {crops} drops paragraphs of a context, and --task {self.data.name} has one per question; "
                "add --distractors 3"
            )
        if self.data.layout == "paragraphs":
            return paragraph_windows(questions, self.tokenizer, self.reader.windows, fit="training")
        return self.windows("train") if size is None else self.reader.windows_of(questions, self.tokenizer)

    def validation(self) -> Any:
        """Windows of the validation questions."""
        return self.windows(SELECTION_PART)

    def collator(self, model: Any) -> Callable[[Any], Any]:
        """Padding to the longest window of a batch; questions with views to one batch per view."""
        windows = WindowCollator(self.tokenizer, model)
        views = ViewCollator(windows)
        return lambda rows: windows(rows) if isinstance(rows[0], dict) else views(rows)

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        """EM and F1 of the model itself: the Trainer's predictions are windows in an order of its own."""

        def scores(_: Any) -> dict[str, float]:
            training = model.training
            found = self._answered(model, SELECTION_PART, 32)
            model.train(training)
            return part_scores(found, self.data.closed, self._threshold(found))

        return scores

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores and answers; the threshold for no answer is chosen on the selection part."""
        parts = {part: self._answered(model, part, batch_size) for part in parts_to_score(self.data)}
        threshold = self._threshold(parts[SELECTION_PART])

        def scored(found: AnsweredPart) -> dict[str, float]:
            return part_scores(found, self.data.closed, threshold)

        scores = [score for part, found in parts.items() for score in Score.of(part, scored(found))]
        reported = reported_part(self.data)
        full = parts[reported]
        for size in self._sizes:
            questions = tuple(with_context_size(question, size) for question in self.data.parts[reported])
            found = full
            if questions != self.data.parts[reported]:  # else nothing is left out
                windows = self.reader.windows_of(questions, self.tokenizer)
                found = answered(model, self.tokenizer, questions, windows, self.reader, batch_size=batch_size)
            scores += Score.of(reported, scored(found), {CONTEXT_SIZE: size})
        run = partial(self._answered, model, reported, batch_size)
        scores += curve_scores(reported, submodel_curve(full, run, scored, submodels))
        predictions = {str(part): self._as_lists(found, threshold) for part, found in parts.items()}
        return Results(scores, predictions, {THRESHOLD: threshold})

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        """A plain checkpoint, its card, and how it reads."""
        save_model(model, self.tokenizer, folder, reader_card(record))
        replace(self.reader, no_answer_threshold=record.data[THRESHOLD]).save(folder)

    def _windows(self, part: str) -> list[Window]:
        return self.reader.windows_of(getattr(self.data, part), self.tokenizer)

    def _answered(self, model: Any, part: str, batch_size: int, **masks: Any) -> AnsweredPart:
        questions, windows = getattr(self.data, part), self.windows(part)
        return answered(model, self.tokenizer, questions, windows, self.reader, batch_size=batch_size, **masks)

    def _threshold(self, found: AnsweredPart) -> float | None:
        return best_threshold(found) if self._tuned else None

    def _as_lists(self, found: AnsweredPart, threshold: float | None) -> dict[str, Any]:
        texts = [answers.text(threshold) for answers in found.answers]
        pairs = zip(texts, found.questions, strict=True)
        each = [answer_scores(text, question.answers, closed=self.data.closed) for text, question in pairs]
        return {
            "ids": [question.id for question in found.questions],
            "labels": [list(question.answers) for question in found.questions],
            "predictions": texts,
            "f1": [round(f1, 3) for _, f1 in each],
            "exact_match": [exact for exact, _ in each],
        }
