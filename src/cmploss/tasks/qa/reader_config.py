"""The settings of a reader, saved with its checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from cmploss.atomic import write_json
from cmploss.tasks.data_tables import shown
from cmploss.tasks.qa.json_nodes import Node, check_names, read_document
from cmploss.tasks.qa.paragraphs import paragraph_windows
from cmploss.tasks.qa.qa_config import ReadingFit
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.qa.windows import Window, WindowConfig, context_windows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FILE = "reader.json"
Layout = Literal["context", "paragraphs"]


@dataclass(frozen=True)
class ReaderConfig:
    """Saved next to a checkpoint as ``reader.json``.

    Attributes:
        layout: ``context``: one text per window, titles are not read. ``paragraphs``: several per window, with titles,
            and the answers yes and no.
        windows: Limits of a window.
        fit: How to read paragraphs that do not fit into a window; see
            :func:`cmploss.tasks.qa.paragraphs.paragraph_windows`.
        max_answer_tokens: Longest answer in tokens.
        no_answer_threshold: No answer is given if null score − score of the best span is above this; None: always
            answer.
    """

    layout: Layout = "context"
    windows: WindowConfig = field(default_factory=WindowConfig)
    fit: ReadingFit = "windows"
    max_answer_tokens: int = 30
    no_answer_threshold: float | None = None

    def windows_of(self, questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase) -> list[Window]:
        """The windows of each question, at least one.

        Raises:
            UserError: If a question or a limit does not fit.
        """
        if self.layout == "context":
            return context_windows(questions, tokenizer, self.windows)
        return paragraph_windows(questions, tokenizer, self.windows, fit=self.fit)

    def shortened(self, windows: Sequence[Window]) -> int:
        """How many questions are read without some of their text."""
        cut = self.layout == "paragraphs" and self.fit == "shortened"
        return sum(window["partial"] for window in windows) if cut else 0

    def with_max_length(self, max_length: int) -> ReaderConfig:
        """The same settings with another window length; the stride is at most a third of it."""
        stride = min(self.windows.stride, max_length // 3)
        return replace(self, windows=replace(self.windows, max_length=max_length, stride=stride))

    def save(self, folder: Path) -> None:
        """Write the file into the folder of the checkpoint."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> ReaderConfig | None:
        """The settings in the folder of a checkpoint; None if it has none, as with checkpoints of other tools.

        Raises:
            UserError: If the file is faulty; names the field.
        """
        path = folder / FILE
        if not path.exists():
            return None
        document = read_document(path)
        for node, kind in ((document, cls), (document["windows"], WindowConfig)):
            check_names(node, [each.name for each in fields(kind)])
        windows = {each.name: document["windows"][each.name].integer() for each in fields(WindowConfig)}
        longest, threshold = document["max_answer_tokens"], document.get("no_answer_threshold")
        if longest.integer() < 1:
            raise longest.fault(f"must be >= 1, got {longest.value}")
        return cls(
            layout=_choice(document["layout"], get_args(Layout)),
            windows=WindowConfig(**windows),
            fit=_choice(document["fit"], get_args(ReadingFit)),
            max_answer_tokens=longest.value,
            no_answer_threshold=None if threshold is None else _number(threshold),
        )


def _choice(node: Node, allowed: Sequence[str]) -> Any:
    if node.value not in allowed:
        raise node.fault(f"{shown(node.value)} is unknown; choose from {', '.join(allowed)}")
    return node.value


def _number(node: Node) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or math.isnan(node.value):
        raise node.fault(f"{shown(node.value)} is not a number; give one, or null to always answer")
    return float(node.value)
