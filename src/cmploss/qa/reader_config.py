"""How a reader reads: what has to be known beside the checkpoint to use it as it was trained."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args

from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.qa.examples import Question
from cmploss.qa.paragraphs import paragraph_windows
from cmploss.qa.windows import Window, WindowConfig, context_windows

FILE = "reader.json"
Layout = Literal["context", "paragraphs"]
ReadingFit = Literal["windows", "shortened"]


@dataclass(frozen=True)
class ReaderConfig:
    """Saved beside a checkpoint as ``reader.json``.

    Attributes:
        layout: ``context`` (one text per window) or ``paragraphs`` (several, with titles, yes and no).
        windows: Limits of a window.
        fit: What is done with more paragraphs than fit into a window; see :func:`cmploss.qa.paragraph_windows`.
        max_answer_tokens: Tokens of the longest answer.
        no_answer_threshold: No answer is given where null score − score of the best span is above it; None: always
            answer.
    """

    layout: Layout = "context"
    windows: WindowConfig = field(default_factory=WindowConfig)
    fit: ReadingFit = "windows"
    max_answer_tokens: int = 30
    no_answer_threshold: float | None = None

    def windows_of(self, questions: Sequence[Question], tokenizer: PreTrainedTokenizerBase) -> list[Window]:
        """The windows in which a reader looks for the answers of questions, at least one for each.

        Raises:
            UserError: As :func:`cmploss.qa.context_windows` and :func:`cmploss.qa.paragraph_windows`.
        """
        if self.layout == "context":
            return context_windows(questions, tokenizer, self.windows)
        return paragraph_windows(questions, tokenizer, self.windows, fit=self.fit)

    def save(self, folder: Path) -> None:
        """Write the file into the folder of the checkpoint."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "ReaderConfig | None":
        """The settings in the folder of a checkpoint, None if there are none: another tool's checkpoint.

        Raises:
            UserError: The file is faulty.
        """
        path = folder / FILE
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            config = cls(**{**found, "windows": WindowConfig(**found["windows"])})
        except (ValueError, TypeError, KeyError) as error:
            names = ", ".join(each.name for each in fields(cls))
            raise UserError(f"{path} is no reader's settings ({error}); it must hold {names}, or be removed") from error
        for name, allowed in (("layout", Layout), ("fit", ReadingFit)):
            if getattr(config, name) not in get_args(allowed):
                raise UserError(
                    f"{path}: {name} is {getattr(config, name)!r}; choose from {', '.join(get_args(allowed))}"
                )
        return config
