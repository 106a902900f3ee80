"""The texts that a study keeps for its report."""

from datasets import Dataset

from cmploss.experiment.example_store import read_texts
from cmploss.studies.outputs import write_examples
from cmploss.tasks.qa import Question, QuestionConfig, Segment
from cmploss.tasks.qa.question_data import QuestionData
from cmploss.tasks.qa.question_task import QuestionTask
from cmploss.tasks.text import TaskData
from cmploss.tasks.text.text_task import TextTask


def task_of(encoder, **columns):
    splits = {name: Dataset.from_dict({**columns, "label": [0, 1]}) for name in ("train", "validation")}
    test = Dataset.from_dict({**columns, "label": [1, 0]})
    data = TaskData(
        name="tickets",
        kind="classification",
        label_names=("a", "b"),
        measures=("accuracy",),
        test=test,
        notes=(),
        **splits,
    )
    return TextTask(data, encoder, 16)


def test_texts_and_pairs_of_the_test_split(tmp_path, encoder):
    texts = task_of(encoder, text=["lovely", "dead"])
    pairs = task_of(encoder, text=["lovely", "dead"], text_pair=["first", "second"])
    for task in (texts, pairs):
        write_examples(task, tmp_path)
    assert read_texts(tmp_path) == {
        texts.fingerprints()["test"]: [("lovely", ""), ("dead", "")],
        pairs.fingerprints()["test"]: [("lovely", "first"), ("dead", "second")],
    }


def test_questions_have_their_evidence_or_all_of_their_context(tmp_path, encoder):
    flagged = (Segment("No.", evidence=False), Segment("Ann did.", title="Deeds", evidence=True))
    questions = (Question("1", "Who?", flagged), Question("2", "What?", (Segment("A."), Segment("B."))))
    data = QuestionData(
        name="hotpotqa", layout="paragraphs", train=questions, validation=questions, test=None, notes=()
    )
    write_examples(QuestionTask(data, encoder, 32, QuestionConfig()), tmp_path)
    reported = data.fingerprints()["validation"]  # there is no test split
    assert read_texts(tmp_path) == {reported: [("Who?", "Deeds: Ann did."), ("What?", "A.\nB.")]}
