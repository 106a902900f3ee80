"""Files for the recipes of tasks are made from published data as their docstrings say."""

import json
import random

import pytest

from cmploss.recipes.prepare_rows import banking77_pairs, hotpotqa_tags, hotpotqa_titles, scifact_rerank
from cmploss.tasks.choices.choice_rows import read_choices
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.labels.label_rows import read_labels
from cmploss.tasks.rerank.judged_rows import Judged, read_judged
from cmploss.tasks.tags.tag_rows import open_tags, read_tags
from cmploss.tasks.text.table_files import read_table


def read(folder, content, ending, reader, open_file=read_table):
    path = folder / f"made{ending}"
    path.write_text(content, encoding="utf-8")
    return reader(open_file(path), DataConfig(), None, True)


def test_every_question_is_in_one_pair_with_the_intents_of_both(tmp_path):
    intent_of = {f"question {number}?": f"intent {number % 3}" for number in range(21)}
    for name in ("train", "test"):
        lines = [f"{text},{intent}" for text, intent in intent_of.items()]
        (tmp_path / name).write_text("\n".join(["text,category", *lines]))
    found = banking77_pairs([tmp_path / "train", tmp_path / "test"])
    assert list(found) == [".csv", "_test.csv"]
    rows = read(tmp_path, found[".csv"], ".csv", read_labels)
    texts = [f"{part}?" for row in rows for part in row.texts[0].rstrip("?").split("? ")]
    assert len(texts) == len(set(texts)) == 20
    for row, first, second in zip(rows, texts[::2], texts[1::2], strict=True):
        assert set(row.labels) == {intent_of[first], intent_of[second]}
    assert {len(row.labels) for row in rows} == {1, 2}


SENTENCE = "New Ulm grew . Ann of New Ulm saw New York . no . "
PASSAGES = [("New Ulm", SENTENCE), ("New York", "x"), ("Ann (singer)", "x"), ("Ulm", "x"), ("Oslo", "x")]
TAGGED = [
    "New B-TITLE\nUlm I-TITLE\ngrew O\n. O\n",
    "Ann B-TITLE\nof O\nNew B-TITLE\nUlm I-TITLE\nsaw O\nNew B-TITLE\nYork I-TITLE\n. O\n",
]


def hotpotqa(folder, size):
    for number in range(size):
        contexts = [
            {"title": title, "paragraph_text": text, "is_supporting": title == "New Ulm"} for title, text in PASSAGES
        ]
        yield {
            "question_id": str(number),
            "question_text": f"Who {number}?",
            "answers_objects": [{"spans": ["x"]}],
            "contexts": contexts,
        }


@pytest.fixture
def questions(tmp_path):
    rows = list(hotpotqa(tmp_path, 24))
    paths = [tmp_path / "one.jsonl", tmp_path / "other.jsonl"]
    for path, part in zip(paths, (rows, rows[:5]), strict=True):  # five questions are in both files
        path.write_text("".join(json.dumps(row) + "\n" for row in part))
    return paths


def test_titles_in_supporting_sentences_are_entities(questions, tmp_path):
    found = hotpotqa_tags(questions)
    counts = {ending: content.count("grew") for ending, content in found.items()}
    assert counts == {".conll": 13, "_validation.conll": 3, "_test.conll": 8}
    assert found["_test.conll"] == "\n".join(TAGGED * 8)
    assert len(read(tmp_path, found[".conll"], ".conll", read_tags, open_tags)) == 26


def test_the_right_title_is_one_of_four(questions, tmp_path):
    found = hotpotqa_titles(questions)
    rows = [row for content in found.values() for row in read(tmp_path, content, ".jsonl", read_choices)]
    assert len({row.context for row in rows}) == len(rows) == 24
    titles = {title for title, _ in PASSAGES}
    assert all(len({*row.choices}) == 4 and {*row.choices} <= titles for row in rows)
    assert {row.choices[row.label] for row in rows} == {"New Ulm"}
    assert {row.label for row in rows} == {0, 1, 2, 3}
    assert hotpotqa_titles(questions) == found


def test_the_candidates_of_a_claim_are_those_of_bm25(tmp_path):
    draw = random.Random(0)
    words = [f"word{number}" for number in range(40)]
    corpus = [{"_id": f"d{n}", "title": "", "text": f"lamp {' '.join(draw.sample(words, 6))}"} for n in range(30)]
    corpus += [{"_id": "lost", "title": "Far", "text": "nothing in common"}]
    (tmp_path / "corpus").write_text("".join(json.dumps(row) + "\n" for row in corpus))
    (tmp_path / "queries").write_text(json.dumps({"_id": "q", "text": f"lamp {corpus[7]['text']}"}) + "\n")
    for name in ("train", "test"):
        (tmp_path / name).write_text("query-id\tcorpus-id\tscore\nq\td7\t1\nq\tlost\t1\n")
    found = scifact_rerank([tmp_path / name for name in ("corpus", "queries", "train", "test")])
    train, test = (read(tmp_path, content, ".jsonl", read_judged) for content in found.values())
    assert len(test) == 10
    assert (test[0].passage_id, test[0].grade) == ("d7", 1)
    assert sum(row.grade for row in test) == 1
    lost = Judged("lamp " + corpus[7]["text"], "Far nothing in common", "q", "lost", 1)
    assert train[:2] == (test[0], lost)
    assert len({*train[2:]}) == len(train[2:]) == 3
    assert {*train[2:]} < {*test[1:]}
