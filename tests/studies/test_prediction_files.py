"""The files of answers that the official script of SQuAD scores."""

import json
from types import SimpleNamespace

import pytest

from cmploss.errors import UserError
from cmploss.measures import best_thresholds, exact_match_f1
from cmploss.studies import prediction
from cmploss.tasks.qa import Question, ReaderConfig, Segment, Span
from cmploss.tasks.qa.answers import Answer, Answers

ASKED = [Question(id, "Who?", (Segment("Ada"),)) for id in ("a", "b", "ü")]
FOUND = [Answers((Answer("Ada", 3.0, Span(3, 0, 3)),), 1.0), Answers((Answer("Ad", 1.0, Span(3, 0, 2)),), 4.5)]
FOUND.append(Answers((), 1.0))


@pytest.fixture
def written(monkeypatch, tmp_path):
    """The two files of a reader with that threshold."""

    def write(threshold, folder="new"):
        config = ReaderConfig(no_answer_threshold=threshold)
        reader = SimpleNamespace(model=None, config=config, read=lambda *_, **__: FOUND)
        monkeypatch.setattr(prediction, "read_questions", lambda *_, **__: ASKED)
        monkeypatch.setattr(prediction.Reader, "from_pretrained", lambda _: reader)
        paths = tmp_path / folder / "predictions.json", tmp_path / folder / "odds.json"
        assert prediction.write_answers("reader", "questions.json", paths[0], null_odds_file=paths[1]) == 3
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == ["odds.json", "predictions.json"]
        return [path.read_text(encoding="utf-8") for path in paths]

    return write


def test_predictions_and_null_odds_by_question(written):
    for threshold, second in ((None, "Ad"), (3.5, "Ad"), (0.0, "")):
        answers, odds = map(json.loads, written(threshold, str(threshold)))
        assert answers == {"a": "Ada", "b": second, "ü": ""}
        assert odds == {"a": 1 - 3, "b": 4.5 - 1, "ü": float("inf")}


def test_files_are_read_back_by_what_scores_them(written):
    text, odds = written(None)
    references = {"a": ["Ada"], "b": [], "ü": []}
    assert exact_match_f1(json.loads(text), references)["exact_match"] == pytest.approx(200 / 3)
    assert best_thresholds(json.loads(text), references, json.loads(odds))["best_f1_threshold"] == -2.0
    assert "ü" in text


def test_a_file_that_exists_is_kept(written):
    written(None)
    with pytest.raises(UserError, match="exists already"):
        written(None)
