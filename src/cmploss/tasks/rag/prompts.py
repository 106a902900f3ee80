"""Questions and their segments as token ids of prompts and answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from transformers import PreTrainedTokenizerBase

from cmploss.errors import UserError
from cmploss.losses.per_example import IGNORED
from cmploss.models import load_tokenizer
from cmploss.tasks.qa.questions import Question, Segment
from cmploss.tasks.rag.prompt_config import PromptConfig
from cmploss.tasks.rag.rag_config import QUESTION, SEGMENTS

BETWEEN = "\n\n"
ONE_DAY = "{%- macro strftime_now(form) -%}26 July 2024{%- endmacro -%}"
"""Before a chat template that names the day, which would make other prompts every day. Llama 3 has this date too."""
"""Text between two segments."""


@dataclass(frozen=True)
class Cut:
    """What prompts leave out of their questions' segments.

    Attributes:
        questions: Prompts that leave something out.
        dropped: Segments that are not read.
        shortened: Segments that are read in part.
        lost: Tokens that are not read.
        tokens: Tokens of the prompts with whole segments.
    """

    questions: int
    dropped: int
    shortened: int
    lost: int
    tokens: int

    @classmethod
    def sum(cls, cuts: Iterable[Cut]) -> Cut:
        """What several prompts leave out."""
        return cls(*(sum(column) for column in zip((0,) * 5, *map(astuple, cuts), strict=True)))


def prompt_tokenizer(name: str, *, causal: bool) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, which pads on the left for a causal model, also once it is saved and loaded."""
    return load_tokenizer(name, padding_side="left" if causal else "right")


class Prompts:
    """Turns questions into prompts.

    Args:
        tokenizer: The tokenizer of the model, a fast one; see :func:`prompt_tokenizer`.
        config: The template and the limits.
        causal: Whether the model reads the prompt and the answer as one text; else its decoder reads the answer.

    Raises:
        UserError: If the tokenizer is not a fast one or has no end token, or its chat template has no room for a user's
            message.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: PromptConfig, *, causal: bool):
        name = type(tokenizer).__name__
        if not tokenizer.is_fast:
            raise UserError(f"{name} has no fast version, which --task rag needs to cut texts between tokens")
        if tokenizer.eos_token_id is None:
            raise UserError(f"{name} has no end token, so no answer would end; set its eos_token")
        self.tokenizer, self.config, self.causal = tokenizer, config, causal
        self.template = _in_chat(tokenizer, config.template) if config.chat else config.template
        self._end = int(tokenizer.eos_token_id)

    def text(self, question: Question) -> str:
        """The prompt."""
        segments = BETWEEN.join(segment.titled for segment in question.segments)
        before, after = (part.replace(QUESTION, question.text) for part in self.template.split(SEGMENTS))
        return f"{before}{segments}{after}"

    def prompt_ids(self, question: Question) -> list[int]:
        """The tokens of the prompt; a causal model continues them, so they have no end token."""
        ids = self._tokens(self.text(question), add_special_tokens=not self.config.chat)
        return ids[:-1] if self.causal and not self.config.chat and ids[-1:] == [self._end] else ids

    def answer_ids(self, question: Question) -> list[int]:
        """The tokens of the first answer, with the end token."""
        answer = question.answers[0]
        if self.causal:
            lead = "" if self.template[-1:].isspace() else " "
            ids = self._tokens(lead + answer, add_special_tokens=False)
        else:
            ids = list(self.tokenizer(text_target=answer)["input_ids"])
        return ids if ids[-1:] == [self._end] else [*ids, self._end]

    def encoded(self, question: Question) -> dict[str, list[int]]:
        """The inputs and the labels of the answer; for a causal model −100 and the answer, the last tokens.

        A causal model reads at most ``max_length`` tokens, so of an answer above ``max_answer_tokens`` the end may be
        missing in evaluation, where prompts do not depend on the answer.
        """
        ids = self.prompt_ids(question)
        if not question.answers:
            return {"input_ids": ids, "attention_mask": [1] * len(ids)}
        answer = self.answer_ids(question)
        if self.causal:
            answer = answer[: max(self.config.max_length - len(ids), 1)]
            ids = [*ids, *answer]
        labels = [IGNORED, *answer] if self.causal else answer
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels}

    def prompt_of(self, encoded: dict[str, list[int]]) -> dict[str, list[int]]:
        """The prompt alone of :meth:`encoded`."""
        ids = encoded["input_ids"]
        if self.causal and "labels" in encoded:
            ids = ids[: len(ids) - len(encoded["labels"]) + 1]
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}

    def fitted(self, question: Question, *, training: bool = False) -> tuple[Question, Cut]:
        """The question with as much of its segments as fits next to an answer, and what is left out.

        In training, distractors are dropped, the last ones first. What is still too long is shortened: all segments to
        at most the same number of tokens, as many as possible. The answer is never cut.

        Raises:
            UserError: If the rest of the prompt and the answer leave no room for a segment.
        """
        answer = self.answer_ids(question) if training else []
        reserved = max(len(answer), self.config.max_answer_tokens) if self.causal else 0
        room = self.config.max_length - reserved
        tokens = len(self.prompt_ids(question))
        if tokens <= room:
            return question, Cut(0, 0, 0, 0, tokens)
        kept = list(question.segments)
        distractors = [number for number, segment in enumerate(kept) if segment.evidence is False]
        while training and distractors and len(self.prompt_ids(_with(question, kept))) > room:
            del kept[distractors.pop()]
        short = kept
        if len(self.prompt_ids(_with(question, kept))) > room:
            short = self._shortened(question, kept, room)
        fitted = _with(question, short)
        changed = sum(one.text != two.text for one, two in zip(kept, short, strict=True))
        lost = tokens - len(self.prompt_ids(fitted))
        return fitted, Cut(1, len(question.segments) - len(kept), changed, lost, tokens)

    def notes(self, cut: Cut, questions: Sequence[Question], title: str) -> list[str]:
        """Notes on what is cut in all, and on answers that are too long to be generated."""
        notes, count, longest = [], f"of {len(questions)} {title}questions", self.config.max_answer_tokens
        if cut.lost:
            notes.append(
                f"{cut.questions} {count} did not fit into {self.config.max_length} tokens next to an answer: "
                f"{100 * cut.lost / cut.tokens:.1f} % of the tokens of all prompts are not read (segments dropped: "
                f"{cut.dropped}, shortened: {cut.shortened})."
            )
        long = sum(len(self.answer_ids(question)) > longest for question in questions if question.answers)
        if long:
            notes.append(
                f"{long} {count} have a first answer longer than --max_answer_tokens {longest}, which cannot be "
                "generated whole."
            )
        return notes

    def _shortened(self, question: Question, segments: Sequence[Segment], room: int) -> list[Segment]:
        ends = [self._ends(segment.text) for segment in segments]

        def short(most: int) -> list[Segment]:
            pairs = zip(segments, ends, strict=True)
            return [
                replace(segment, text=segment.text[: of[most - 1]] if len(of) > most else segment.text)
                for segment, of in pairs
            ]

        least, above = 0, max(map(len, ends), default=0) + 1
        while above - least > 1:
            middle = (least + above) // 2
            if len(self.prompt_ids(_with(question, short(middle)))) <= room:
                least = middle
            else:
                above = middle
        if least == 0:
            size = len(self.prompt_ids(_with(question, [])))
            raise question.fault(
                f"the prompt without its segments has {size} tokens, and --max_length {self.config.max_length} leaves "
                f"{room} next to the answer; raise --max_length, or lower --max_answer_tokens"
            )
        return short(least)

    def _ends(self, text: str) -> list[int]:
        """The character after each token."""
        found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [end for _, end in found["offset_mapping"]]

    def _tokens(self, text: str, **options: Any) -> list[int]:
        return list(self.tokenizer(text, verbose=False, **options)["input_ids"])


def _with(question: Question, segments: Sequence[Segment]) -> Question:
    return replace(question, segments=tuple(segments), spans=())


def _in_chat(tokenizer: PreTrainedTokenizerBase, template: str) -> str:
    """The template as a message in the tokenizer's chat template, up to the beginning of the answer."""
    messages = [{"role": "user", "content": template}]
    # Models that think aloud before they answer are asked not to; other templates ignore the option.
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    try:
        known = tokenizer.get_chat_template()
        if "strftime_now" in known:
            options["chat_template"] = ONE_DAY + known
        found = str(tokenizer.apply_chat_template(messages, **options))
    except Exception as error:  # a template is a program of its own and raises errors of many kinds
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the chat template of the tokenizer fails: {reason}; give --chat off") from error
    if any(found.count(field) != 1 for field in (SEGMENTS, QUESTION)):
        raise UserError("the chat template of the tokenizer changes the user's message; give --chat off")
    return found
