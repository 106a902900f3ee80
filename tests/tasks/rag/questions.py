"""Questions over segments for language models that know few words."""

from typing import Any

from cmploss.tasks.qa.questions import Question, Segment
from cmploss.tasks.rag.prompt_config import PromptConfig
from cmploss.tasks.rag.prompts import Prompts
from tests.local_generator import tokenizer_of

TEMPLATE = "{segments} Question : {question} Answer :"


def question(evidence: str = "lovely lamp", *distractors: str, answer: str = "lovely", name: str = "q") -> Question:
    """The evidence, then the distractors."""
    segments = [Segment(evidence, None, True), *(Segment(text, None, False) for text in distractors)]
    return Question(name, "so", tuple(segments), (answer,))


def prompts_of(*, causal: bool = True, chat: bool = False, **config: Any) -> Prompts:
    settings = {"template": TEMPLATE, "max_length": 64, "max_answer_tokens": 4} | config
    tokenizer = tokenizer_of(ends=not causal, chat=chat)
    tokenizer.padding_side = "left" if causal else "right"
    return Prompts(tokenizer, PromptConfig(chat=chat, **settings), causal=causal)
