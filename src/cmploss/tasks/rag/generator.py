"""A fine-tuned model that generates answers, as it was saved."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cmploss.errors import UserError
from cmploss.model_files import model_files
from cmploss.models import load_model
from cmploss.tasks.qa.questions import Question
from cmploss.tasks.rag.generate import Generated, generated
from cmploss.tasks.rag.prompt_config import PromptConfig
from cmploss.tasks.rag.prompts import Cut, Prompts, prompt_tokenizer

logger = logging.getLogger(__name__)


class Generator:
    """A model for ``--task rag``, with its prompts.

    Args:
        name: A folder that ``cmploss train`` or ``cmploss compare`` wrote.
        head: ``CausalLM`` or ``Seq2SeqLM``.
        max_length: Longest input in tokens; as in training by default.
    """

    def __init__(self, name: str, head: str, max_length: int | None = None):
        config = PromptConfig.load(Path(model_files(name)))
        if max_length is not None and not 1 <= max_length <= config.max_length:
            raise UserError(f"--max_length must be from 1 to {config.max_length}, as in training, got {max_length}")
        self.model: Any = load_model(name, head)
        if max_length is not None:
            config = replace(config, max_length=max_length)
        causal = head == "CausalLM"
        self.prompts = Prompts(prompt_tokenizer(name, causal=causal), config, causal=causal)

    def run(self, batch_size: int | None) -> Callable[..., Generated]:
        """Questions → their answers, or with its options those of a submodel."""
        return partial(generated, self.model, self.prompts, batch_size=batch_size)

    def warn(self, questions: Sequence[Question]) -> None:
        """Warn of what the prompts of these questions leave out."""
        cut = Cut.sum(self.prompts.fitted(question)[1] for question in questions)
        for note in self.prompts.notes(cut, questions, ""):
            logger.warning("note: %s", note)

    def answers(self, questions: Sequence[Question], batch_size: int | None) -> dict[str, str]:
        """The answer of each question by its id."""
        self.warn(questions)
        found = self.run(batch_size)(questions)
        return {question.id: text for question, text in zip(questions, found.answers, strict=True)}
