"""Generative reading as a task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from cmploss.ablation import CmpCrop
from cmploss.errors import UserError
from cmploss.experiment import DISTRACTORS, RunRecord, Score
from cmploss.model_config import MaxLength, ModelConfig
from cmploss.model_files import generative_head
from cmploss.models import default_learning_rate, new_model, save_model
from cmploss.objectives.views import VIEWS
from cmploss.tasks.ablation_curve import Submodels, curve_scores, submodel_curve
from cmploss.tasks.base import LearningTask, Results, Sample, eval_split, refuse_pooling, splits_to_score
from cmploss.tasks.folds import Fold
from cmploss.tasks.model_card import rag_card
from cmploss.tasks.qa.question_data import QuestionData, fold_of
from cmploss.tasks.qa.questions import Question, evidence_flags
from cmploss.tasks.rag.generate import (
    MEASURES,
    Encoded,
    Generated,
    PromptCollator,
    distractor_scores,
    generated,
    lists_of,
    scores_of,
)
from cmploss.tasks.rag.prompt_config import PromptConfig
from cmploss.tasks.rag.prompts import Cut, Prompts, prompt_tokenizer
from cmploss.tasks.rag.rag_config import RagConfig
from cmploss.tasks.rag.rag_views import RagViews
from cmploss.tasks.splits import SELECTION_SPLIT, TITLES, Split, few, sample as drawn

MAX_LENGTH = 1024
BATCH = 8
"""Prompts that are answered together: their keys and values take memory. Ours."""


class RagTask(LearningTask):
    """Questions as prompts for one model; each split is encoded once."""

    measures = MEASURES

    def __init__(
        self, data: QuestionData, model: str, max_length: MaxLength, config: RagConfig, max_answer_tokens: int = 30
    ):
        self.data, self.model, self._config = data, model, config
        self.name, self.sizes, self.undivided = data.name, data.sizes, len(data.whole or ())
        head = generative_head(model)
        if head is None:
            raise UserError(
                f"model {model} does not generate text; give --model with a causal or sequence-to-sequence language "
                "model"
            )
        self.head = head
        self.model_class = f"AutoModelFor{head}"
        self.description = f"generative reading, {'causal' if head == 'CausalLM' else 'sequence-to-sequence'} model"
        self.training = {"learning_rate": default_learning_rate(model), "per_device_eval_batch_size": BATCH}
        self.tokenizer = prompt_tokenizer(model, causal=head == "CausalLM")
        chat = config.chat == "auto" and self.tokenizer.chat_template is not None
        length = _length(self.tokenizer, max_length, data.name)
        if max_answer_tokens < 1:
            raise UserError(f"--max_answer_tokens must be >= 1, got {max_answer_tokens}")
        settings = PromptConfig(config.template, chat, length, max_answer_tokens)
        self.prompts = Prompts(self.tokenizer, settings, causal=head == "CausalLM")
        self.settings = {**asdict(settings), "distractor_counts": config.distractor_counts}
        self._read: dict[Split, Sequence[Question]] = {}
        self._cuts: dict[str, dict[str, int]] = {}
        notes = [note for split in data.splits for note in self._fit(split)]
        self._encoded: dict[Split, list[Encoded]] = {}
        self.notes = (*data.notes, *notes, *self._notes_on_distractors())

    def fingerprints(self) -> Mapping[Split, str]:
        return self.data.fingerprints()

    def new_model(self, seed: int, start: Path | None = None) -> Any:
        model = new_model(str(start or self.model), self.head, seed=seed)
        model.config.use_cache = False  # keys and values are kept for generation only
        return model

    def train(self, sample: Sample, crops: int = 0) -> RagViews:
        """The views of the training questions."""
        questions: Sequence[Question] = self.data.train
        if sample.size is not None:
            questions = [questions[index] for index in few(len(questions), sample.size, sample.seed)]
        without = drawn(len(questions), self._without_evidence(sample), sample.seed)
        return RagViews(questions, self.prompts, CmpCrop(crops), seed=sample.seed, without_evidence=without)

    def sample_notes(self, sample: Sample) -> tuple[str, ...]:
        without, size = self._without_evidence(sample), sample.size or self.sizes["train"]
        return (f"{without} of {size} training questions are read without their evidence.",) if without else ()

    def validation(self) -> Any:
        return self._encodings(SELECTION_SPLIT)

    def collator(self, model: Any) -> Callable[[Any], Any]:
        collate = PromptCollator(self.prompts, model)

        def batch(rows: Sequence[Any]) -> dict[str, Any]:
            if isinstance(rows[0], Mapping):
                return collate(rows)
            return {VIEWS: [collate(view) for view in zip(*rows, strict=True)]}

        return batch

    def kept_logits(self) -> Callable[[Any, Any], Any]:
        return lambda logits, labels: labels[:, :1]  # the scorer generates answers

    def scorer(self, model: Any) -> Callable[[Any], dict[str, float]]:
        """Generates answers: the Trainer's predictions are logits of right answers."""

        def scores(_: Any) -> dict[str, float]:
            training = model.training
            found = self._generated(model, SELECTION_SPLIT, BATCH)
            model.train(training)
            return scores_of(found)

        return scores

    def results(self, model: Any, batch_size: int, submodels: Submodels) -> Results:
        """Scores and answers, and the scores with few and many distractors."""
        found = {split: self._generated(model, split, batch_size) for split in splits_to_score(self)}
        scores = [score for split, each in found.items() for score in Score.of(split, scores_of(each))]
        reported = eval_split(self)
        run = partial(generated, model, self.prompts, batch_size=batch_size)
        for count, reached in distractor_scores(run, found[reported], self._config.counts).items():
            scores += Score.of(reported, reached, {DISTRACTORS: count})
        ablated = partial(self._generated, model, reported, batch_size)
        scores += curve_scores(reported, submodel_curve(found[reported], ablated, scores_of, submodels))
        lists = {str(split): _as_lists(each) for split, each in found.items()}
        return Results(scores, lists, {"cut": self._cuts} if self._cuts else {})

    def check_run(self, objective: str, submodels: Submodels) -> None:
        super().check_run(objective.replace("raft", "supervised"), submodels)
        if submodels.depths:
            raise UserError("--layers does not apply to --task rag, whose models generate; leave it out")

    def fold(self, fold: Fold) -> "RagTask":
        return self._with(fold_of(self.data, fold), self.model, self.prompts.config.max_length)

    def with_model(self, model: ModelConfig) -> "RagTask":
        refuse_pooling(model, self.name)
        return self._with(self.data, model.model, model.max_length)

    def texts(self, split: Split) -> list[tuple[str, str]]:
        """Each question with its segments."""
        questions = self.data.splits[split]
        return [(each.text, "\n".join(segment.titled for segment in each.segments)) for each in questions]

    def save(self, model: Any, folder: Path, record: RunRecord) -> None:
        model.config.use_cache = True
        save_model(model, self.tokenizer, folder, rag_card(record, self.head))
        self.prompts.config.save(folder)

    def _with(self, data: QuestionData, model: str, max_length: MaxLength) -> "RagTask":
        return RagTask(data, model, max_length, self._config, self.prompts.config.max_answer_tokens)

    def _without_evidence(self, sample: Sample) -> int:
        return round(sample.without_evidence * (sample.size or self.sizes["train"]))

    def _generated(self, model: Any, split: Split, batch_size: int, **submodel: Any) -> Generated:
        questions = self.data.splits[split]
        return generated(model, self.prompts, questions, self._encodings(split), batch_size=batch_size, **submodel)

    def _encodings(self, split: Split) -> list[Encoded]:
        if split not in self._encoded:
            self._encoded[split] = [self.prompts.encoded(question) for question in self._read[split]]
        return self._encoded[split]

    def _fit(self, split: Split) -> list[str]:
        """Fit the questions of a split; returns notes on what is cut, and on answers that are too long."""
        questions = self.data.splits[split]
        self._read[split], cuts = zip(
            *(self.prompts.fitted(question, training=split == "train") for question in questions), strict=True
        )
        cut = Cut.sum(cuts)
        if cut.lost:
            self._cuts[split] = asdict(cut)
        return self.prompts.notes(cut, questions, f"{TITLES[split]} ")

    def _notes_on_distractors(self) -> list[str]:
        counts, tested = self._config.counts, self.data.splits[self.data.eval_split]
        if not counts:
            return []
        few = sum(evidence_flags(question).count(False) < counts[-1] for question in tested)
        less = (
            f"{few} of {len(tested)} {TITLES[self.data.eval_split]} questions have fewer than {counts[-1]} distractors"
        )
        return [f"{less}; where one has too few, all are read."] if few else []


def _as_lists(found: Generated) -> dict[str, Any]:
    return {
        "ids": [question.id for question in found.questions],
        "labels": [list(question.answers) for question in found.questions],
        "predictions": found.answers,
        **{name: [round(value, 3) for value in values] for name, values in lists_of(found).items()},
    }


def _length(tokenizer: PreTrainedTokenizerBase, given: MaxLength, name: str) -> int:
    """The longest input: what is given, else 1,024 tokens or the limit of the model."""
    if given == "auto":
        raise UserError(f"--max_length auto is for texts; leave it out for {name}, or give a number")
    limit = int(tokenizer.model_max_length)
    if given is not None and not 1 <= given <= limit:
        raise UserError(f"--max_length must be from 1 to {limit} for this model, got {given}")
    return min(MAX_LENGTH, limit) if given is None else given
