"""The card of the best model."""

import pytest

from cmploss.experiment.loading_code import loading_code, loads_with
from cmploss.reports.html import StudyRuns, report_page
from cmploss.reports.html.best_view import best_view
from tests.reports.runs import records_of

BEST = {
    "objective": "comparative",
    "seed": 3,
    "measure": "accuracy",
    "score": 80.0,
    "examples": 100,
    "row_mean": 78.0,
    "row_runs": 5,
    "lead": 9.0,
    "eval_split": "test",
    "eval_score": 75.0,
    "model_class": "sentence_transformers.CrossEncoder",
}


def test_the_card_has_scores_and_three_lines_of_code():
    page = report_page([StudyRuns("tickets", records_of({"supervised": [60.0]}), best=BEST)])
    assert "comparative, seed 3</b>, in <code>tickets/best</code>" in page
    assert "validation accuracy 80.0 (100 examples), mean of its row 78.0 (5 runs); test accuracy 75.0." in page
    assert "CrossEncoder(&#34;tickets/best&#34;)" in page


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("model_class", ["sentence_transformers.CrossEncoder", "AutoModelForQuestionAnswering"])
def test_the_code_is_a_few_lines_of_python(model_class, lora):
    code = loading_code(loads_with(model_class, lora=lora), "tickets/best")
    compile(code, "card", "exec")
    assert len(code.splitlines()) <= 8
    assert model_class.rpartition(".")[2] in code
    assert ("peft" in code) == (lora and "Auto" in model_class)


def test_without_a_checkpoint_or_its_scores_there_is_no_card():
    assert best_view(None, "tickets", "seed") is None
    assert best_view({"objective": "supervised"}, "tickets", "seed") is None  # of an earlier version
    assert "Best model" not in report_page([StudyRuns("tickets", records_of({"supervised": [60.0]}))])
