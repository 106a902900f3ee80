import json

import pytest

from cmploss.atomic import write_json
from cmploss.measures import best_thresholds, exact_match_f1
from cmploss.tasks.qa.answers import Answer, Answers
from cmploss.tasks.qa.questions import Question, Segment, Span
from cmploss.tasks.qa.squad_output import null_odds_of, predictions_of

ASKED = [Question(id, "Who?", (Segment("Ada"),)) for id in ("a", "b", "ü")]
FOUND = [Answers((Answer("Ada", 3.0, Span(3, 0, 3)),), 1.0), Answers((Answer("Ad", 1.0, Span(3, 0, 2)),), 4.5)]
FOUND.append(Answers((), 1.0))


def test_predictions_and_null_odds_by_question():
    assert predictions_of(ASKED, FOUND) == {"a": "Ada", "b": "Ad", "ü": ""}
    assert predictions_of(ASKED, FOUND, 3.5) == {"a": "Ada", "b": "Ad", "ü": ""}
    assert predictions_of(ASKED, FOUND, 0.0) == {"a": "Ada", "b": "", "ü": ""}
    assert null_odds_of(ASKED, FOUND) == {"a": -2.0, "b": 3.5, "ü": float("inf")}


def test_files_are_read_back_by_what_scores_them(tmp_path):
    predictions, odds = tmp_path / "new" / "predictions.json", tmp_path / "odds.json"
    write_json(predictions, predictions_of(ASKED, FOUND))
    write_json(odds, null_odds_of(ASKED, FOUND))
    read, differences = (json.loads(path.read_text(encoding="utf-8")) for path in (predictions, odds))
    references = {"a": ["Ada"], "b": [], "ü": []}
    assert exact_match_f1(read, references)["exact_match"] == pytest.approx(200 / 3)
    assert best_thresholds(read, references, differences)["best_f1_threshold"] == -2.0
    assert "ü" in predictions.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["odds.json", "predictions.json"]
