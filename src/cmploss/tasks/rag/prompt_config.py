"""The settings of prompts, saved with a model that generates answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cmploss.atomic import write_json
from cmploss.errors import UserError
from cmploss.tasks.qa.json_nodes import check_names, read_document
from cmploss.tasks.rag.rag_config import RagConfig

FILE = "rag.json"


@dataclass(frozen=True)
class PromptConfig:
    """Saved next to a checkpoint as ``rag.json``.

    Attributes:
        template: Text with ``{segments}`` and ``{question}``.
        chat: Whether the text is a message of the user in the chat template of the tokenizer.
        max_length: Longest input in tokens; of a causal model with the answer.
        max_answer_tokens: Longest generated answer in tokens, with the end token.
    """

    template: str
    chat: bool
    max_length: int
    max_answer_tokens: int

    def save(self, folder: Path) -> None:
        """Write the file into the folder of the checkpoint."""
        write_json(folder / FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> PromptConfig:
        """The settings in the folder of a checkpoint.

        Raises:
            UserError: If there are none, or a field is missing or faulty.
        """
        path = folder / FILE
        if not path.exists():
            raise UserError(f"model {folder}: has no {FILE}; give a folder that cmploss train --task rag wrote")
        document = read_document(path)
        check_names(document, [each.name for each in fields(cls)])
        numbers = {name: document[name].integer() for name in ("max_length", "max_answer_tokens")}
        for name, number in numbers.items():
            if number < 1:
                raise document[name].fault(f"must be >= 1, got {number}")
        template = RagConfig(document["template"].string()).template
        return cls(template, document["chat"].boolean(), **numbers)
