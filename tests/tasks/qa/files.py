"""Small data of our own in every form that is read."""

import copy
import json

CASTLE = "The castle of Norland was built in 1402. Its builder was Ada Stone, who also built the bridge."
BRIDGE = "The bridge has seven arches. Nobody knows what it cost."

SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Norland",
            "paragraphs": [
                {
                    "context": CASTLE,
                    "qas": [
                        {
                            "id": "q1",
                            "question": "When was the castle built?",
                            "answers": [
                                {"text": "1402", "answer_start": 35},
                                {"text": "in 1402", "answer_start": 32},
                                {"text": "1402", "answer_start": 35},
                            ],
                            "is_impossible": False,
                        },
                        {
                            "id": "q2",
                            "question": "Who built the castle?",
                            "answers": [{"text": "Ada Stone", "answer_start": 57}],
                        },
                    ],
                },
                {
                    "context": BRIDGE,
                    "qas": [
                        {
                            "id": "q3",
                            "question": "What did the bridge cost?",
                            "answers": [],
                            "plausible_answers": [{"text": "seven", "answer_start": 15}],
                            "is_impossible": True,
                        }
                    ],
                },
            ],
        },
        {
            "title": "Eastland",
            "paragraphs": [
                {
                    "context": "Eastland has no castle.",
                    "qas": [
                        {
                            "id": "q4",
                            "question": "What does Eastland lack?",
                            "answers": [{"text": "castle", "answer_start": 16}],
                        }
                    ],
                }
            ],
        },
    ],
}

HOTPOT = {
    "_id": "h1",
    "question": "In which year was the castle that Ada Stone built begun?",
    "answer": "1402",
    "supporting_facts": [["Castle of Norland", 1], ["Ada Stone", 0], ["Ada Stone", 7]],
    "context": [
        ["Mill of 1402", ["A mill.", " It burnt down in 1402."]],
        ["Castle of Norland", ["A castle.", " Begun in 1402, it is old.", " Room 14021 is closed."]],
        ["Ada Stone", ["A builder."]],
    ],
}

CONTEXTS = {
    "question_id": "c1",
    "question_text": "Is the mill older than the castle?",
    "answers_objects": [{"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": ["no"]}],
    "contexts": [
        {"title": "Mill", "paragraph_text": "A mill of 1500, no more.", "is_supporting": True},
        {"title": "Castle", "paragraph_text": "A castle of 1402.", "is_supporting": True},
        {"title": "Bridge", "paragraph_text": "A bridge.", "is_supporting": False},
    ],
}

SEGMENTS = {
    "id": "s1",
    "question": "Who built the bridge?",
    "segments": [
        {"title": "Bridges", "text": "Ben Wood built no bridge.", "evidence": False},
        {"text": "Ben Wood and Ada Stone: the bridge is by Ada Stone.", "evidence": True},
    ],
    "answers": [{"text": "Ada Stone"}],
}


def changed(data, path, value):
    """A deep copy with another value at a path of keys; ``...`` removes."""
    data = copy.deepcopy(data)
    at = data
    for key in path[:-1]:
        at = at[key]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


def lines(*objects):
    return "".join(json.dumps(data) + "\n" for data in objects)
