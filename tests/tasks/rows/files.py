"""Rows for the tasks of ``ROW_TASKS``, in words that the tiny encoder can read."""

import json
import random

from tests.local_model import BAD, GOOD, NEUTRAL


def labelled(size, *, seed=0):
    """Texts labelled bad if they have a bad word, and good if they have a good one."""
    draw = random.Random(seed)
    rows = []
    for index in range(size):
        labels = [name for name, bit in (("bad", 1), ("good", 2)) if index & bit]
        telling = [draw.choice({"bad": BAD, "good": GOOD}[label]) for label in labels]
        words = [*telling, *(draw.choice(NEUTRAL) for _ in range(1 + draw.randrange(6)))]
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "labels": labels})
    return rows


def tagged(size, *, seed=0):
    """A bad word and the noun after it are an entity; a good word alone is another."""
    draw = random.Random(seed)
    rows = []
    for _ in range(size):
        tokens, tags = [], []
        for _ in range(1 + draw.randrange(4)):
            kind = draw.choice(["bad", "good", "none"])
            tokens += {"bad": [draw.choice(BAD), "lamp"], "good": [draw.choice(GOOD)], "none": ["the", "hub"]}[kind]
            tags += {"bad": ["B-FAULT", "I-FAULT"], "good": ["B-PRAISE"], "none": ["O", "O"]}[kind]
        rows.append({"tokens": tokens, "tags": tags})
    return rows


def chosen(size, *, seed=0):
    """The right one of three choices is the one with a good word."""
    draw = random.Random(seed)
    rows = []
    for index in range(size):
        choices = [f"{draw.choice(BAD)} {draw.choice(NEUTRAL)}" for _ in range(3)]
        choices[index % 3] = f"{draw.choice(GOOD)} {draw.choice(NEUTRAL)}"
        rows.append({"context": f"the {draw.choice(NEUTRAL)} lamp", "choices": choices, "label": index % 3})
    return rows


def judged(size, *, seed=0):
    """Four passages for each query, one of which is relevant: the one with a good word."""
    draw = random.Random(seed)
    rows = []
    for index in range(size):
        telling = draw.choice(GOOD if index % 4 == index // 4 % 4 else BAD)
        passage = f"the {telling} {draw.choice(NEUTRAL)} is so very new"
        relevant = int(telling in GOOD)
        ids = {"query_id": f"q{index // 4}", "passage_id": f"p{index}"}
        rows.append({"query": f"my {NEUTRAL[index // 4 % 10]}", "passage": passage, "label": relevant, **ids})
    return rows


ROWS = {"multi_label": labelled, "tags": tagged, "multiple_choice": chosen, "rerank": judged}


def lines_of(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)
