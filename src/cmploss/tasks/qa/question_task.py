"""Question answering as a task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from cmploss.ablation import CmpCrop
from cmploss.errors import UserError
from cmploss.experiment import CONTEXT_SIZE, RunRecord, Score
from cmploss.measures.answer_scores import answer_scores
from cmploss.model_config import MaxLength, ModelConfig
from cmploss.models import load_tokenizer, new_model, save_model
from cmploss.tasks.ablation_curve import Submodels, curve_scores, submodel_curve
from cmploss.tasks.base import LearningTask, Results, Sample, eval_split, refuse_pooling, splits_to_score
from cmploss.tasks.folds import Fold
from cmploss.tasks.model_card import reader_card
from cmploss.tasks.qa import CropDataset, Question, QuestionConfig, ViewCollator, WindowCollator, WindowConfig
from cmploss.tasks.qa.answers import Answered, answered, best_threshold, context_scores, question_scores
from cmploss.tasks.qa.paragraphs import paragraph_windows
from cmploss.tasks.qa.question_data import QuestionData, fold_of
from cmploss.tasks.qa.questions import evidence_flags
from cmploss.tasks.qa.reader_config import ReaderConfig
from cmploss.tasks.qa.windows import Window, note_on_long, note_on_partial
from cmploss.tasks.splits import SELECTION_SPLIT, TITLES, Split, few

MAX_LENGTH = 384
THRESHOLD = "no_answer_threshold"
ONE_TEXT = "--task {} has one text per question; add --distractors 3"


class QuestionTask(LearningTask):
    """Questions as windows for one model; each split is encoded once."""

    model_class = "AutoModelForQuestionAnswering"

    def __init__(self, data: QuestionData, model: str, max_length: MaxLength, qa_config: QuestionConfig):
        self.data, self.model = data, model
        self.name, self.measures, self.sizes, self.notes = data.name, data.measures, data.sizes, data.notes
        self.undivided, self._config = len(data.whole or ()), qa_config
        if qa_config.max_answer_tokens < 1:
            raise UserError(f"--max_answer_tokens must be >= 1, got {qa_config.max_answer_tokens}")
        if max_length == "auto":
            raise UserError(f"--max_length auto is for texts; leave it out for {data.name}, or give a number")
        if qa_config.sizes and data.layout == "context":
            raise UserError(f"--context_size is for several paragraphs per question; {ONE_TEXT.format(data.name)}")
        for question in data.splits[data.eval_split] if qa_config.sizes else ():
            evidence_flags(question)  # refuses missing flags before anything is trained
        length = MAX_LENGTH if max_length is None else max_length
        self.settings = {"max_length": length, **asdict(qa_config)}
        self.description = f"question answering, {'one text' if data.layout == 'context' else 'paragraphs'}"
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        limits = qa_config.stride, qa_config.max_question_tokens, qa_config.max_paragraph_tokens
        self.reader = ReaderConfig(
            layout=data.layout,
            windows=WindowConfig(length, *limits),
            fit=qa_config.fit,
            max_answer_tokens=qa_config.max_answer_tokens,
        )
        asked = [question for split in data.splits.values() for question in split]
        self.notes += note_on_long(asked, self.tokenizer, self.reader.windows)
        self._windows: dict[Split, list[Window]] = {}
        self._sample_notes: dict[Sample, tuple[str, ...]] = {}
        self._tuned = not all(question.answers for question in data.train)
        if self._tuned and data.validation is not None:
            count, without = len(data.validation), sum(not question.answers for question in data.validation)
            tested = data.splits[data.eval_split]
            never = 100 * sum(not question.answers for question in tested) / len(tested)
            self.notes = (
                *self.notes,
                f"the no-answer threshold is chosen on {count} validation questions, {without} of them without an "
                f"answer; giving no answer at all scores {never:.1f} on the {data.eval_split} split.",
            )

    def fingerprints(self) -> Mapping[Split, str]:
        return self.data.fingerprints()

    def windows(self, split: Split) -> list[Window]:
        if split not in self._windows:
            self._windows[split] = self.reader.windows_of(self.data.splits[split], self.tokenizer)
        return self._windows[split]

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        return new_model(str(start or self.model), "QuestionAnswering", seed=seed, num_labels=2)

    def examples(self, sample: Sample) -> int:
        """One per window of a context, or per question over paragraphs."""
        number = super().examples(sample)
        return len(self.train(sample)) if self.data.layout == "context" else number

    def train(self, sample: Sample, crops: int = 0) -> Any:
        """Windows of the training questions; over paragraphs with evidence flags, the views of each question."""
        size, seed = sample.size, sample.seed
        questions: Sequence[Question] = self.data.train
        if size is not None:
            questions = [questions[index] for index in few(len(questions), size, seed)]
        flagged = all(segment.evidence is not None for question in questions for segment in question.segments)
        if self.data.layout == "paragraphs" and (flagged or crops):
            views = CropDataset(questions, self.tokenizer, self.reader.windows, CmpCrop(crops), seed=seed)
            self._sample_notes[sample] = _notes(views.lost, views.partial, len(questions))
            return views
        if crops:
            raise UserError(f"--n_crop {crops} drops paragraphs of a question; {ONE_TEXT.format(self.name)}")
        if self.data.layout == "paragraphs":
            found = paragraph_windows(questions, self.tokenizer, self.reader.windows, fit="training")
        else:
            found = self.windows("train") if size is None else self.reader.windows_of(questions, self.tokenizer)
        kept = {window["question"] for window in found if not window["answer_lost"]}
        if not kept:
            raise UserError(f"{self.name}: no training question has its answer in a window; raise --max_length")
        shortened = sum(window["partial"] for window in found) if self.data.layout == "paragraphs" else 0
        self._sample_notes[sample] = _notes(len(questions) - len(kept), shortened, len(questions))
        return [window for window in found if window["question"] in kept]

    def sample_notes(self, sample: Sample) -> tuple[str, ...]:
        """What is left out of windows, once they are made."""
        notes = self._sample_notes.get(sample, ())
        for split, windows in self._windows.items():
            notes += note_on_partial(self.reader.shortened(windows), len(windows), f"{TITLES[split]} ")
        return notes

    def validation(self) -> Any:
        return self.windows(SELECTION_SPLIT)

    def collator(self, model: Any) -> Callable[[Any], Any]:
        windows = WindowCollator(self.tokenizer, model)
        views = ViewCollator(windows)
        return lambda rows: windows(rows) if isinstance(rows[0], dict) else views(rows)

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        """Runs the model again: the Trainer's predictions are windows, not answers."""

        def scores(_: Any) -> dict[str, float]:
            training = model.training
            found = self._answered(model, SELECTION_SPLIT, 32)
            model.train(training)
            return question_scores(found, self.data.closed, self._threshold(found))

        return scores

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores and answers; the threshold for no answer is chosen on the selection split."""
        found = {split: self._answered(model, split, batch_size) for split in splits_to_score(self)}
        threshold = self._threshold(found[SELECTION_SPLIT])
        scored = partial(question_scores, closed=self.data.closed, threshold=threshold)
        scores = [score for split, answers in found.items() for score in Score.of(split, scored(answers))]
        reported = eval_split(self)
        run = partial(answered, model, self.tokenizer, self.reader, batch_size=batch_size)
        for size, reached in context_scores(run, found[reported], scored, self._config.sizes).items():
            scores += Score.of(reported, reached, {CONTEXT_SIZE: size})
        ablated = partial(self._answered, model, reported, batch_size)
        scores += curve_scores(reported, submodel_curve(found[reported], ablated, scored, submodels))
        predictions = {str(split): self._as_lists(answers, threshold) for split, answers in found.items()}
        return Results(scores, predictions, {THRESHOLD: threshold})

    def fold(self, fold: Fold) -> "QuestionTask":
        return QuestionTask(fold_of(self.data, fold), self.model, self.reader.windows.max_length, self._config)

    def with_model(self, model: ModelConfig) -> "QuestionTask":
        refuse_pooling(model, self.name)
        return QuestionTask(self.data, model.model, model.max_length, self._config)

    def texts(self, split: Split) -> list[tuple[str, str]]:
        """Each question with its evidence if flagged, else with its whole context."""
        return [(question.text, _context(question)) for question in self.data.splits[split]]

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        save_model(model, self.tokenizer, folder, reader_card(record))
        replace(self.reader, no_answer_threshold=record.data[THRESHOLD]).save(folder)

    def _answered(self, model: Any, split: Split, batch_size: int, **masks: Any) -> Answered:
        options = {"windows": self.windows(split), "batch_size": batch_size, **masks}
        return answered(model, self.tokenizer, self.reader, self.data.splits[split], **options)

    def _threshold(self, found: Answered) -> float | None:
        return best_threshold(found) if self._tuned else None

    def _as_lists(self, found: Answered, threshold: float | None) -> dict[str, Any]:
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


def _notes(lost: int, partial: int, count: int) -> tuple[str, ...]:
    without = f"{lost} of {count} training questions are left out of the loss: no window has their answer."
    return ((without,) if lost else ()) + note_on_partial(partial, count, "training ")


def _context(question: Question) -> str:
    evidence = [segment for segment in question.segments if segment.evidence]
    kept = evidence or question.segments
    return "\n".join(segment.titled for segment in kept)
