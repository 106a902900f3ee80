"""The tasks of the package: nine of GLUE and the bundled helpdesk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from cmploss.tasks.splits import Split

Kind = Literal["classification", "regression"]
KINDS: tuple[Kind, ...] = ("classification", "regression")
QUESTION_TASKS = ("squad", "squad_v2", "hotpotqa", "question_answering")
"""Tasks of question answering (see :mod:`cmploss.tasks.qa`); the last one is for own JSON lines with ``segments``."""
PRF_TASK = "prf"
"""Query reformulation with pseudo-relevance feedback (see :mod:`cmploss.tasks.prf`)."""
RAG_TASK = "rag"
"""Generated answers to questions over passages (see :mod:`cmploss.tasks.rag`)."""
ROW_TASKS = ("multi_label", "tags", "multiple_choice", "rerank")
"""Tasks of own files that are not a class or a number of a text (see :mod:`cmploss.tasks.rows`)."""
HUB = "nyu-mll/glue"

DEFAULT_MEASURES: Mapping[Kind, tuple[str, ...]] = {
    "classification": ("accuracy", "f1_macro"),
    "regression": ("pearson", "spearman"),
}


@dataclass(frozen=True)
class Columns:
    """The columns of the text or the two texts, the label, and optionally the group of an example."""

    texts: tuple[str, ...]
    label: str
    group: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.texts, self.label, *filter(None, [self.group]))


_FILES: Mapping[Split, tuple[str, ...]] = MappingProxyType(
    {"train": ("train.tsv", "train.jsonl"), "validation": ("dev.tsv", "dev.jsonl"), "test": ()}
)


@dataclass(frozen=True)
class Task:
    """The data of a task."""

    columns: tuple[Columns, ...]  # the published formats
    label_names: tuple[str, ...] = ()  # in the hub's order, so that ids agree; () if read from the data
    kind: Kind = "classification"
    measures: tuple[str, ...] = ("accuracy",)
    bundled: bool = False  # whether the data are in the package; else the task is a configuration of HUB with this name
    hub_validation: str = "validation"
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # more test data -> name on the hub, files
    positions: tuple[str, ...] = ()  # columns of original files without a header
    # Original files; the first existing file of a split is used.
    files: Mapping[Split, tuple[str, ...]] = field(default_factory=lambda: _FILES)


_ENTAILMENT = ("entailment", "not_entailment")
_SENTENCE = Columns(("sentence",), "label")
_SENTENCES = Columns(("sentence1", "sentence2"), "label")
_QUESTIONS = ("question1", "question2")

TASKS: Mapping[str, Task] = {
    "cola": Task(
        (_SENTENCE,),
        ("unacceptable", "acceptable"),
        measures=("matthews", "accuracy"),
        positions=("source", "label", "mark", "sentence"),
    ),
    "sst2": Task((_SENTENCE,), ("negative", "positive"), files={**_FILES, "test": ("test-labeled.tsv",)}),
    "mrpc": Task(
        (_SENTENCES, Columns(("#1 String", "#2 String"), "Quality")),
        ("not_equivalent", "equivalent"),
        measures=("accuracy", "f1"),
        files={**_FILES, "test": ("msr_paraphrase_test.txt",)},
    ),
    "stsb": Task(
        (_SENTENCES, Columns(("sentence1", "sentence2"), "score")),
        kind="regression",
        measures=("pearson", "spearman"),
    ),
    "qqp": Task(
        (Columns(_QUESTIONS, "label"), Columns(_QUESTIONS, "is_duplicate")),
        ("not_duplicate", "duplicate"),
        measures=("accuracy", "f1"),
        positions=("id", "qid1", "qid2", *_QUESTIONS, "is_duplicate"),
    ),
    "mnli": Task(
        (Columns(("premise", "hypothesis"), "label"), Columns(("sentence1", "sentence2"), "gold_label")),
        ("entailment", "neutral", "contradiction"),
        hub_validation="validation_matched",
        also={"mismatched": ("validation_mismatched", "dev_mismatched.tsv", "dev_mismatched.jsonl")},
        files={**_FILES, "validation": ("dev_matched.tsv", "dev_matched.jsonl")},
    ),
    "qnli": Task((Columns(("question", "sentence"), "label"),), _ENTAILMENT),
    "rte": Task((_SENTENCES,), _ENTAILMENT),
    "wnli": Task((_SENTENCES,), ("not_entailment", "entailment")),
    "helpdesk": Task((Columns(("text",), "label"),), measures=DEFAULT_MEASURES["classification"], bundled=True),
}
