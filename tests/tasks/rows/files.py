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


ROWS = {"multi_label": labelled}


def lines_of(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)
