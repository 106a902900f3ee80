"""``cmploss predict`` with a reader: the prediction file of SQuAD."""

import json
import math

import pytest

from cmploss import Reader
from cmploss.experiment import read_record
from cmploss.measures import exact_match_f1
from cmploss.tasks.qa import ReaderConfig, WindowConfig
from cmploss.tasks.qa.question_files import read_questions
from cmploss.tasks.qa.squad import read_squad
from tests.local_questions import squad
from tests.tasks.qa.checkpoints import save_reader
from tests.tasks.qa.files import BRIDGE, CASTLE, HOTPOT, SEGMENTS, SQUAD, changed, lines

CONFIG = ReaderConfig(windows=WindowConfig(32, stride=8))
UNLABELLED = changed(SQUAD, ("data", 0, "paragraphs", 0, "qas", 0, "answers"), ...)
PREDICT = "predict --model readers/plain --test_file dev.json"


@pytest.fixture(scope="session")
def readers(tmp_path_factory):
    """Readers of the layouts, and one that seldom answers."""
    folder = tmp_path_factory.mktemp("readers")
    save_reader(folder / "plain", config=CONFIG)
    save_reader(folder / "paragraphs", config=ReaderConfig("paragraphs", WindowConfig(64)))
    save_reader(folder / "silent", config=ReaderConfig(windows=CONFIG.windows, no_answer_threshold=-1e6))
    return folder


@pytest.fixture
def questions(workplace, readers):
    """The working directory with ``readers`` and ``dev.json``, questions of SQuAD some of which have no labels."""
    (workplace / "readers").symlink_to(readers)
    (workplace / "dev.json").write_text(json.dumps(UNLABELLED))
    return workplace


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_prediction_file_is_what_the_reader_answers(cmploss, questions, readers):
    status, out, error = cmploss(f"{PREDICT} --null_odds_file new/odds.json --batch_size 2")
    assert (status, out) == (0, "4 predictions written to predictions.json, null odds to new/odds.json\n"), error
    predictions, odds = read(questions / "predictions.json"), read(questions / "new" / "odds.json")
    assert list(predictions) == list(odds) == ["q1", "q2", "q3", "q4"]
    reader = Reader.from_pretrained(readers / "plain")
    texts = ["When was the castle built?", "Who built the castle?", "What did the bridge cost?"]
    for id, answer in zip(odds, reader(texts, [CASTLE, CASTLE, BRIDGE]), strict=False):
        assert predictions[id] == answer.text
        assert odds[id] == pytest.approx(answer.no_answer_score - answer.score, abs=1e-4)
    (questions / "labelled.json").write_text(json.dumps(SQUAD))
    references = {question.id: question.answers for question in read_squad(questions / "labelled.json")}
    assert exact_match_f1(predictions, references).keys() == {"exact_match", "f1"}  # which takes a file of all ids
    assert not list(questions.rglob("*.part"))


def test_a_trained_reader_predicts_what_its_record_says(cmploss, questions):
    (questions / "all.json").write_text(json.dumps(squad(12, unanswerable=True)))
    status, _, error = cmploss(
        "train --task squad_v2 --train_file all.json --max_steps 4 --model models/encoder --max_length 24 --stride 4 "
        "--use_cpu true --learning_rate 1e-2 --output_dir out"
    )
    assert status == 0, error
    record = read_record(questions / "out" / "record.json").predictions["test"]
    assert len({text == "" for text in record["predictions"]}) == 2  # the threshold leaves some without an answer
    assert cmploss("predict --model out --test_file all.json")[0] == 0
    found = read(questions / "predictions.json")
    assert len(found) == 60
    assert [found[id] for id in record["ids"]] == record["predictions"]


def test_the_saved_threshold_leaves_questions_unanswered(cmploss, questions):
    assert cmploss(f"{PREDICT.replace('plain', 'silent')} --output_file said.json")[0] == 0
    assert set(read(questions / "said.json").values()) == {""}


@pytest.mark.parametrize("data", [changed(SEGMENTS, ("answers",), ...), changed(HOTPOT, ("answer",), ...)])
def test_other_forms_and_layouts(cmploss, questions, data):
    (questions / "other.jsonl").write_text(lines(data))
    assert cmploss("predict --model readers/paragraphs --test_file other.jsonl")[0] == 0
    (answer,) = read(questions / "predictions.json").values()
    (question,) = read_questions(questions / "other.jsonl", labelled=False)
    assert answer != ""
    assert any(answer in text for text in question.texts)


def test_the_length_of_windows_can_be_chosen(cmploss, questions):
    def answers(name, options):
        assert cmploss(f"{PREDICT} --output_file {name}.json {options}")[0] == 0
        return read(questions / f"{name}.json")

    saved = answers("saved", "")
    assert answers("same", "--max_length 32") == saved
    assert answers("shorter", "--max_length 20") != saved  # some answer does not fit


FAULTY = {
    "text_column": (f"{PREDICT} --text_column question", ["--text_column", "classifiers"]),
    "existing_output": (f"{PREDICT} --output_file dev.json", ["--output_file dev.json exists already"]),
    "existing_odds": (f"{PREDICT} --null_odds_file train.csv", ["--null_odds_file train.csv exists already"]),
    "one_file": (f"{PREDICT} --null_odds_file predictions.json", ["predictions.json", "another name"]),
    "no_questions": (PREDICT.replace("dev.json", "train.csv"), ["train.csv, line 2", "has no 'context'"]),
    "no_file": (PREDICT.replace("dev.json", "nowhere.json"), ["nowhere.json", "No such file"]),
    "classifier_odds": (
        "predict --model models/classifier --test_file train.csv --null_odds_file odds.json",
        ["--null_odds_file", "classifier"],
    ),
    "too_long": (f"{PREDICT} --max_length 129", ["--max_length must be from 1 to 128", "got 129"]),
    "too_short": (f"{PREDICT} --max_length 9", ["dev.json, data[0].paragraphs[0].qas[0]", "--max_length"]),
    "batch_size": (f"{PREDICT} --batch_size 0", ["--batch_size must be >= 1, got 0"]),
}


@pytest.mark.parametrize("name", FAULTY)
def test_mistakes_are_one_line_and_nothing_is_written(cmploss, questions, contents, name):
    command, words = FAULTY[name]
    before = contents()
    status, _, error = cmploss(command)
    assert (status, error.count("\n"), error[:7]) == (2, 1, "error: "), error
    assert [word for word in words if word not in error] == [], error
    assert contents() == before


def test_the_best_answers_are_written_as_the_published_scripts_do(cmploss, questions, readers):
    status, out, error = cmploss(f"{PREDICT} --nbest_file best.json")
    assert (status, out) == (0, "4 predictions written to predictions.json, best answers to best.json\n"), error
    predictions, best = read(questions / "predictions.json"), read(questions / "best.json")
    for id, answers in best.items():
        assert answers[0]["text"] == predictions[id]
        assert len(answers) == 20
        odds = [math.exp(answer["score"]) for answer in answers]
        shares = [value / sum(odds) for value in odds]
        assert [answer["probability"] for answer in answers] == pytest.approx(shares, rel=1e-5)
        assert shares == sorted(shares, reverse=True)
    status, _, error = cmploss(f"{PREDICT} --output_file new.json --nbest_file new.json")
    assert (status, error) == (2, "error: --nbest_file new.json is another file of this command; give another name\n")
    silent = "predict --model readers/silent --test_file dev.json --output_file new.json --nbest_file all.json"
    assert cmploss(silent)[0] == 0
    texts = [[answer["text"] for answer in answers] for answers in read(questions / "all.json").values()]
    assert [found.count("") for found in texts] == [1, 1, 1, 1]


def test_a_reader_that_seldom_answers_can_be_made_to(cmploss, questions):
    """The search for the best threshold can only take answers away."""
    silent = f"{PREDICT} --model readers/silent"
    assert cmploss(f"{silent} --null_odds_file odds.json")[0] == 0
    assert cmploss(f"{silent} --always_answer true --output_file all.json")[0] == 0
    assert set(read(questions / "predictions.json").values()) == {""}
    assert "" not in read(questions / "all.json").values()


def test_the_file_of_the_script_of_hotpotqa(cmploss, questions):
    assert cmploss(PREDICT)[0] == 0
    assert cmploss(f"{PREDICT} --format hotpotqa --output_file hotpot.json")[0] == 0
    answers = read(questions / "predictions.json")
    assert read(questions / "hotpot.json") == {"answer": answers, "sp": {id: [] for id in answers}}


def test_one_long_question_is_cut_and_the_others_are_answered_as_before(cmploss, questions):
    assert cmploss(PREDICT)[0] == 0
    asked = changed(SQUAD, ("data", 1, "paragraphs", 0, "qas", 0, "question"), "so " * 300)
    (questions / "dev.json").write_text(json.dumps(asked))
    assert cmploss(f"{PREDICT} --output_file long.json")[0] == 0
    before, after = (read(questions / name) for name in ("predictions.json", "long.json"))
    assert before.keys() == after.keys()
    assert [id for id in before if before[id] != after[id]] in ([], ["q4"])
