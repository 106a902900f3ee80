"""Options of generative reading."""

from dataclasses import dataclass
from typing import Literal

from cmploss.errors import UserError
from cmploss.options import whole_numbers

SEGMENTS, QUESTION = "{segments}", "{question}"
PROMPT = f"Answer the question in a few words, from the passages.\n\n{SEGMENTS}\n\nQuestion: {QUESTION}\nAnswer:"
"""Ours."""


@dataclass(frozen=True)
class RagConfig:
    """How questions become prompts; for --task rag only.

    Attributes:
        prompt: Text with {segments} and {question}; by default a request for a short answer from the passages.
        chat: Whether the prompt is a message in the chat template of the tokenizer; auto: if the tokenizer has one.
        distractor_counts: Score the evaluation split also with 0,2,4 … distractors per question, next to the evidence.
    """

    prompt: str | None = None
    chat: Literal["auto", "off"] = "auto"
    distractor_counts: str | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of distractors, ascending."""
        return whole_numbers("distractor_counts", self.distractor_counts, least=0)

    @property
    def template(self) -> str:
        template = PROMPT if self.prompt is None else self.prompt
        for field in (SEGMENTS, QUESTION):
            if template.count(field) != 1:
                raise UserError(f"--prompt must contain {field} once, got {template!r}")
        return template
