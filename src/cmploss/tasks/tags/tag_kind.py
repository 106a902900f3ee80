"""A tag for each token, on the first piece of each; entities by seqeval."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from seqeval.metrics import classification_report, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from torch import Tensor
from transformers import DataCollatorForTokenClassification, PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.losses.per_example import IGNORED
from cmploss.measures.label_scores import ClassScores
from cmploss.tasks.rows.row_kind import Found, RowKind
from cmploss.tasks.run_examples import Collator
from cmploss.tasks.tags.tag_rows import TaggedText

Entity = tuple[str, int, int]
"""Type, first and last token."""


class TagKind(RowKind):
    """Texts with a tag for each token."""

    head = "TokenClassification"
    pipeline = "token-classification"
    measures = ("f1", "precision", "recall")
    tokenizer_options = MappingProxyType({"add_prefix_space": True})  # tokenizers of bytes see words, not their middles

    def __init__(self, tokenizer: PreTrainedTokenizerBase, names: Sequence[str]):
        if not tokenizer.is_fast:
            raise UserError(
                f"the tokenizer of {tokenizer.name_or_path} does not say which token a piece belongs to; --task tags "
                "needs a model with a fast tokenizer"
            )
        super().__init__(tokenizer, names)

    @property
    def description(self) -> str:
        return f"entities of {len({name.partition('-')[2] for name in self.names} - {''})} types"

    @property
    def collator(self) -> Collator:
        return DataCollatorForTokenClassification(self.tokenizer)

    def encoded(self, examples: Sequence[TaggedText], **options: Any) -> dict[str, list[Any]]:
        """The first piece of a token has its tag, and all other pieces −100. A token without a piece is unknown."""
        unknown = self.tokenizer.unk_token or "?"
        has_piece = cache(lambda token: bool(self.tokenizer.tokenize(token)))
        words = [[token if has_piece(token) else unknown for token in example.tokens] for example in examples]
        found = self.tokenizer(words, is_split_into_words=True, **options)
        ids = {name: index for index, name in enumerate(self.names)}
        labels = []
        for row, example in enumerate(examples):
            of = found.word_ids(row)
            tags = example.tags or self.names[:1] * len(example.tokens)
            first = [word is not None and word != before for word, before in zip(of, [None, *of], strict=False)]
            labels.append([ids[tags[word]] if new else IGNORED for word, new in zip(of, first, strict=True)])
        return {**found, "labels": labels}

    def picked(self, logits: Tensor, labels: Tensor) -> Tensor:
        return logits[labels != IGNORED]

    def scores(self, found: Found, tuned: float | None) -> dict[str, float]:
        pairs = [list(example.tags) for example in found.examples], self._tags(found)
        measures = (f1_score, precision_score, recall_score)
        return {
            name: 100 * float(of(*pairs, zero_division=0)) for name, of in zip(self.measures, measures, strict=True)
        }

    def lists(self, found: Found, tuned: float | None) -> dict[str, list[Any]]:
        truth = [get_entities(list(example.tags)) for example in found.examples]
        guesses = [get_entities(tags) for tags in self._tags(found)]
        both = list(zip(found.examples, truth, guesses, strict=True))
        return {
            "labels": [[_described(example, entity) for entity in of] for example, of, _ in both],
            "predictions": [" / ".join(_described(example, entity) for entity in of) for example, _, of in both],
            "score": [
                round(200 * len({*of} & {*guess}) / (len(of) + len(guess)), 3) if of or guess else 100.0
                for _, of, guess in both
            ],
        }

    def classes(self, found: Found, tuned: float | None) -> ClassScores:
        pairs = [list(example.tags) for example in found.examples], self._tags(found)
        types = classification_report(*pairs, output_dict=True, zero_division=0)
        return {
            name: {
                **{short: 100 * float(of[key]) for short, key in zip(("precision", "recall", "f1"), of, strict=False)},
                "support": float(of["support"]),
            }
            for name, of in types.items()
            if not name.endswith(" avg")
        }

    def written(self, found: Found, tuned: float | None) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
        rows = []
        for example, tags in zip(found.examples, self._tags(found), strict=True):
            spans = _spans(example)
            entities = [
                {
                    "type": name,
                    "text": example.text[spans[first][0] : spans[last][1]],
                    "start": spans[first][0],
                    "end": spans[last][1],
                    "first_token": int(first),
                    "last_token": int(last),
                }
                for name, first, last in get_entities(tags)
            ]
            row = {"text": example.text, "tokens": list(example.tokens), "tags": tags, "entities": entities}
            rows.append(row)
        return list(rows[0]), rows

    def _tags(self, found: Found) -> list[list[str]]:
        """The most likely tags; O for tokens that were cut."""
        tags = [[self.names[index] for index in logits.argmax(-1)] for logits in found.logits]
        pairs = zip(tags, found.examples, strict=True)
        return [of + ["O"] * (len(example.tokens) - len(of)) for of, example in pairs]


def _described(example: TaggedText, entity: Entity) -> str:
    name, first, last = entity
    return f"{name}: {' '.join(example.tokens[first : last + 1])}"


def _spans(example: TaggedText) -> list[tuple[int, int]]:
    """The first character of each token in the text, and the one after its last."""
    spans, end = [], 0
    for token in example.tokens:
        start = example.text.index(token, end)
        end = start + len(token)
        spans.append((start, end))
    return spans
