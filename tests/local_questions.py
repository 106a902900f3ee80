"""Questions that a tiny model can learn to answer: the answer is the one good word of the context."""

import random

from tests.local_model import BAD, GOOD, NEUTRAL


def segment(draw, telling, length=8):
    """Some neutral words with one that tells; the text, and where that word starts."""
    words = [draw.choice(NEUTRAL) for _ in range(length)]
    place = draw.randrange(length + 1)
    words.insert(place, telling)
    return " ".join(words), sum(len(word) + 1 for word in words[:place])


def squad(articles=4, questions=5, *, unanswerable=False, seed=0):
    """SQuAD's form; every question has a paragraph of its own, every third no answer if wanted."""
    draw = random.Random(seed)
    data = []
    for article in range(articles):
        paragraphs = []
        for number in range(questions):
            silent = unanswerable and number % 3 == 2
            answer = draw.choice(BAD if silent else GOOD)
            text, start = segment(draw, answer)
            found = [] if silent else [{"text": answer, "answer_start": start}]
            qa = {"id": f"{article}-{number}", "question": "so very", "answers": found, "is_impossible": silent}
            paragraphs.append({"context": text, "qas": [qa]})
        data.append({"title": f"article {article}", "paragraphs": paragraphs})
    return {"version": "1", "data": data}


def segmented(number, paragraphs=4, *, seed=0, flagged=True):
    """JSON lines with segments: the good word stands in one paragraph, which is the evidence."""
    draw = random.Random(seed)
    rows = []
    for index in range(number):
        place, answer = draw.randrange(paragraphs), draw.choice(GOOD)
        texts = [segment(draw, answer if i == place else draw.choice(BAD), 4)[0] for i in range(paragraphs)]
        segments = [{"text": text, "evidence": i == place} for i, text in enumerate(texts)]
        if not flagged:
            segments = [{"text": each["text"]} for each in segments]
        rows.append({"id": f"s{index}", "question": "so", "segments": segments, "answers": [{"text": answer}]})
    return rows
