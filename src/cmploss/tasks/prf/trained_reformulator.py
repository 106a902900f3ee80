"""A trained reformulator as a feedback method: loaded from its folder, applied to queries and what they retrieved."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from cmploss.atomic import write_json
from cmploss.devices import choose_device
from cmploss.errors import UserError
from cmploss.retrieval.exact_search import Found
from cmploss.retrieval.feedback_methods import Feedback, Vectors
from cmploss.retrieval.index import Index
from cmploss.retrieval.reformulators import Reformulator
from cmploss.retrieval.revisions import FeedbackConfig, FeedbackReader, revision_vectors

READER_FILE = "feedback.json"


@dataclass(frozen=True, eq=False)
class TrainedFeedback:
    """A reformulator with what it reads and the retriever in whose space it writes.

    Attributes:
        model: The reformulator.
        reader: Texts to its inputs.
        retriever: ``model`` and ``weights`` (a fingerprint, where it is known) of the index it was trained for.
    """

    model: Reformulator
    reader: FeedbackReader
    retriever: Mapping[str, Any]

    def save(self, folder: str | Path) -> None:
        """Write a plain checkpoint of the encoder with its tokenizer, and beside it what is needed on top."""
        self.model.save_pretrained(folder)
        self.reader.tokenizer.save_pretrained(folder)
        entry = {**asdict(self.reader.config), "prompt": self.reader.prompt, "retriever": dict(self.retriever)}
        write_json(Path(folder) / READER_FILE, entry)

    @classmethod
    def load(cls, folder: str | Path) -> "TrainedFeedback":
        """What :meth:`save` wrote, in eval mode, on the accelerator if there is one.

        Raises:
            UserError: The folder holds none.
        """
        model = Reformulator.from_pretrained(folder)
        entry = json.loads((Path(folder) / READER_FILE).read_text(encoding="utf-8"))
        config = FeedbackConfig(**{field.name: entry[field.name] for field in fields(FeedbackConfig)})
        reader = FeedbackReader(AutoTokenizer.from_pretrained(folder), config, prompt=entry["prompt"])
        return cls(model.to(choose_device()), reader, entry["retriever"])

    def vectors(self, queries: Sequence[str], passages: Sequence[Sequence[str]], batch_size: int = 32) -> Vectors:
        """New vectors ``(Q, H)`` of queries with their feedback passages, in batches of similar length."""
        revisions = [self.reader(query, found) for query, found in zip(queries, passages, strict=True)]
        return revision_vectors(self.model, self.reader.tokenizer, revisions, batch_size)

    def method(self, index: Index, documents: Sequence[str], batch_size: int = 32) -> Feedback:
        """The reformulator as a feedback method over an index.

        Args:
            index: The one that is searched.
            documents: Text of every row.
            batch_size: Queries per batch.

        Raises:
            UserError: The index was built with another model than that of the training.
        """
        trained, found = self.retriever["weights"], index.settings.get("weights")
        if trained != found:
            raise UserError(
                f"the reformulator writes vectors of {self.retriever['model']} (weights {trained}), and the index has "
                f"those of {index.model} (weights {found}); give the index it was trained for"
            )

        def method(texts: Sequence[str], vectors: Vectors, first: Found, k: int) -> Vectors:
            if k > self.reader.config.max_feedback:
                raise UserError(f"k={k} feedback passages: the reformulator reads {self.reader.config.max_feedback}")
            passages = [[documents[row] for row in rows[:k] if row >= 0] for rows in first[1].tolist()]
            return self.vectors(texts, passages, batch_size)

        return method
