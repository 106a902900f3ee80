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
from cmploss.retrieval.feedback_methods import FeedbackMethod, Vectors
from cmploss.retrieval.index import Index
from cmploss.retrieval.vector_models import VectorModel
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.reformulators import load_reformulator, save_reformulator
from cmploss.tasks.prf.revisions import FeedbackReader, reads_segments

READER_FILE = "feedback.json"


@dataclass(frozen=True, eq=False)
class TrainedFeedback:
    """A reformulator with what it reads, and the retriever in whose vector space it writes.

    ``retriever`` has ``model`` and ``weights`` (a fingerprint, where it is known) of the index it was trained for.
    """

    model: VectorModel
    reader: FeedbackReader
    retriever: Mapping[str, Any]

    def save(self, folder: str | Path) -> None:
        """Write a plain checkpoint of the encoder with its tokenizer, and next to it what is needed on top."""
        save_reformulator(self.model, folder)
        self.reader.tokenizer.save_pretrained(folder)
        entry = {**asdict(self.reader.config), "prompt": self.reader.prompt, "retriever": dict(self.retriever)}
        write_json(Path(folder) / READER_FILE, entry)

    @classmethod
    def load(cls, folder: str | Path) -> "TrainedFeedback":
        """What :meth:`save` wrote, in eval mode, on the accelerator if there is one."""
        model = load_reformulator(folder)
        entry = json.loads((Path(folder) / READER_FILE).read_text(encoding="utf-8"))
        config = FeedbackConfig(**{field.name: entry[field.name] for field in fields(FeedbackConfig)})
        reader = FeedbackReader(AutoTokenizer.from_pretrained(folder), config, prompt=entry["prompt"])
        return cls(model.to(choose_device()), reader, entry["retriever"])

    def vectors(self, queries: Sequence[str], passages: Sequence[Sequence[str]], batch_size: int = 32) -> Vectors:
        """New vectors ``(Q, H)`` of queries with their feedback passages, in batches of similar length."""
        segments = reads_segments(self.model)
        pairs = zip(queries, passages, strict=True)
        inputs = [self.reader(query, found).columns(segments=segments) for query, found in pairs]
        return self.model.encode(self.reader.tokenizer, inputs, batch_size)

    def method(self, index: Index, documents: Sequence[str], batch_size: int = 32) -> FeedbackMethod:
        """The reformulator as a feedback method over the index that is searched, with the text of every row."""
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
