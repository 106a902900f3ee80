"""The texts that a study keeps for its report."""

from datasets import Dataset

from cmploss.reports.example_store import read_texts
from cmploss.studies.example_texts import write_examples
from cmploss.tasks.qa import Question, QuestionData, Segment
from cmploss.tasks.text import TaskData


def data_of(**columns):
    parts = {name: Dataset.from_dict({**columns, "label": [0, 1]}) for name in ("train", "validation")}
    test = Dataset.from_dict({**columns, "label": [1, 0]})
    return TaskData("tickets", "classification", ("a", "b"), ("accuracy",), test=test, notes=(), **parts)


def test_texts_and_pairs_of_the_test_part(tmp_path):
    data = data_of(text=["one", "two"])
    assert write_examples(data, tmp_path).stem == data.fingerprints()["test"]
    pairs = data_of(text=["one", "two"], text_pair=["first", "second"])
    write_examples(pairs, tmp_path)
    assert read_texts(tmp_path) == {
        data.fingerprints()["test"]: [("one", ""), ("two", "")],
        pairs.fingerprints()["test"]: [("one", "first"), ("two", "second")],
    }


def test_questions_have_their_evidence_or_all_of_their_context(tmp_path):
    flagged = (Segment("No.", evidence=False), Segment("Ann did.", title="Deeds", evidence=True))
    questions = (Question("1", "Who?", flagged), Question("2", "What?", (Segment("A."), Segment("B."))))
    data = QuestionData("hotpotqa", "paragraphs", train=questions, validation=questions, test=None, notes=())
    path = write_examples(data, tmp_path)
    assert read_texts(tmp_path)[path.stem] == [("Who?", "Deeds: Ann did."), ("What?", "A.\nB.")]
    assert path.stem == data.fingerprints()["validation"]  # nothing else is reported
