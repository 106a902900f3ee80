"""Reference rows of a study: simple models on the samples of its runs."""

import numpy as np
import pytest

from cmploss.errors import UserError
from cmploss.experiment import Noise, read_references
from cmploss.studies import Study, StudyConfig, run_study
from cmploss.studies.references import write_references
from cmploss.studies.run_tasks import RunTasks
from cmploss.tasks.base import Sample
from cmploss.tasks.text import task_data
from cmploss.tasks.text.probe import fit_linear, tfidf_model
from cmploss.tasks.text.reference_rows import ReferenceRows
from cmploss.tasks.text.text_task import TextTask
from cmploss.tasks.text.text_vectors import head_vectors
from tests.local_model import reviews
from tests.tiny import model_of

CONFIG = StudyConfig("supervised,no_dropout", seeds=2, few_shot="16", noise="none,label:0.5")


@pytest.fixture(scope="module")
def mean_task(encoder):
    return TextTask(task_data(reviews(60)), encoder, 16, pooling="mean")


@pytest.fixture(scope="module")
def study(mean_task, config_of, tmp_path_factory):
    found = Study(mean_task, config_of("supervised", max_steps=2), CONFIG, tmp_path_factory.mktemp("s") / "grid")
    found.check()
    list(run_study(found))
    return found


def test_every_sample_has_its_rows_with_the_scores_of_linear_models(study, mean_task):
    records = read_references(study.folder)
    assert len(records) == 2 * 2 * 2  # models, noises, seeds
    record = next(r for r in records if (r.name, r.seed, r.condition.noise) == ("probe", 1, Noise("label", 0.5)))
    sample = Sample(16, 1, Noise("label", 0.5))
    model, train, test = mean_task.new_model(0), mean_task.train(sample), mean_task.split("test")
    linear = fit_linear(head_vectors(model, mean_task.tokenizer, train), train["labels"][:], 2)
    values = linear.values(head_vectors(model, mean_task.tokenizer, test))
    assert record.primary == pytest.approx(100 * np.mean(values == np.asarray(test["labels"])))
    assert record.objective["settings"] == {"strength": linear.strength}
    assert record.settings["pooling"] == "mean"
    assert {score.split for score in record.scores} == {"validation", "test"}
    words = next(r for r in records if (r.name, r.seed, r.condition.noise) == ("tfidf", 0, Noise()))
    clean, _ = mean_task.sampled(Sample(16, 0))
    predict, held_out = tfidf_model(clean["text"][:], clean["label"][:], 2), mean_task.data.test
    assert words.primary == pytest.approx(100 * np.mean(predict(held_out["text"][:]) == np.asarray(held_out["label"])))


def test_tables_show_the_rows_of_their_condition(study):
    for condition in study.conditions:
        table = study.table(condition)
        expected = [
            r.primary
            for r in read_references(study.folder)
            if (r.name, r.condition.noise) == ("probe", condition.noise)
        ]
        assert [row.objective for row in table.references] == ["probe", "tfidf"]
        assert table.references[0].mean == pytest.approx(np.mean(expected))
        assert table.references[0].corrected is None
        assert [row.objective for row in table.rows] == ["supervised", "no_dropout"]
    page, tex, html = ((study.folder / f"report.{kind}").read_text() for kind in ("md", "tex", "html"))
    assert page.count("| *probe* |") == tex.count("probe & ") == html.count('data-value="probe"') == 2


def test_what_is_written_is_kept_until_settings_change(study, mean_task, encoder, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in (study.folder / "reference").iterdir()}
    write_references(study.tasks, study.runs, study.folder)
    assert {path: path.stat().st_mtime_ns for path in (study.folder / "reference").iterdir()} == before
    other = TextTask(mean_task.data, encoder, 12, pooling="mean")
    write_references(RunTasks(other, study.base.model_config), study.runs, study.folder)
    assert {path: path.stat().st_mtime_ns for path in (study.folder / "reference").iterdir()}.keys() == before.keys()
    assert all(record.settings["max_length"] == 12 for record in read_references(study.folder))


def test_what_a_killed_process_left_of_a_sample_is_completed(study):
    path = study.folder / "reference" / "tfidf_few_shot-16_seed-1.json"
    whole = path.read_text()
    path.unlink()
    write_references(study.tasks, study.runs, study.folder)
    assert len(path.read_text()) == pytest.approx(len(whole), abs=20)  # times differ


def test_all_examples_are_one_sample_for_every_seed(task, config_of, tmp_path, monkeypatch):
    calls, rows = [], task.reference_rows()
    monkeypatch.setattr(task, "reference_rows", lambda: lambda sample: calls.append(sample) or rows(sample))
    found = Study(task, config_of("supervised"), StudyConfig("supervised", seeds=3), tmp_path)
    write_references(found.tasks, found.runs, tmp_path)
    assert calls == [Sample()]
    assert len(read_references(tmp_path)) == 6


def test_a_head_without_a_last_linear_layer_has_no_probe(task, monkeypatch, caplog):
    monkeypatch.setattr(task, "new_model", lambda *_: model_of("Qwen3"))
    assert list(task.reference_rows()(Sample(16))) == ["tfidf"]
    assert "note: the row probe is left out: " in caplog.text

    def damaged(*_):
        raise UserError("damaged")

    monkeypatch.setattr(task, "new_model", damaged)
    with pytest.raises(UserError, match="damaged"):
        task.reference_rows()(Sample(16))


def test_numbers_have_rows_too(encoder):
    rows = [{"text": row["text"], "label": float(row["label"] == "good")} for row in reviews(60)]
    task = TextTask(task_data(rows, kind="regression"), encoder, 16, pooling="mean")
    found = task.reference_rows()(Sample(30))
    scores = {name: {(s.split, s.measure): s.value for s in result.scores} for name, result in found.items()}
    assert scores["probe"]["test", "pearson"] > 50


def test_a_folder_with_a_faulty_record_is_refused(tmp_path):
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "probe_seed-0.json").write_text("{")
    with pytest.raises(UserError, match="not a readable JSON file"):
        read_references(tmp_path)


def test_texts_without_a_word_have_no_row_of_words(mean_task, config_of, tmp_path, monkeypatch, caplog):
    """As emoji: TF-IDF takes words of two letters."""
    monkeypatch.setattr("cmploss.tasks.text.reference_rows._joined", lambda dataset: [":)"] * len(dataset))
    config = StudyConfig("supervised", seeds=1)
    study = Study(mean_task, config_of("supervised", max_steps=1), config, tmp_path / "study")
    assert len(list(run_study(study))) == 1
    assert {record.name for record in read_references(study.folder)} == {"probe"}
    assert "the row tfidf is left out" in caplog.text


def test_a_sample_of_one_class_has_rows_that_predict_it(mean_task):
    model = fit_linear(np.eye(4), [1, 1, 1, 1], 3)
    assert model.values(np.ones((2, 4))).tolist() == [1, 1]
    assert tfidf_model(["good film", "bad film"], [0, 0], 2)(["bad"]).tolist() == [0]


def test_rows_without_noise_are_not_confused_with_those_of_noise(mean_task, config_of, tmp_path, monkeypatch):
    """All examples have no size in the names of files."""
    config = StudyConfig("supervised", seeds=1, noise="none,label:0.5")
    study = Study(mean_task, config_of("supervised", max_steps=1), config, tmp_path / "study")
    write_references(study.tasks, study.runs, study.folder)
    fitted = []
    monkeypatch.setattr(ReferenceRows, "__call__", lambda self, sample: fitted.append(sample) or {})
    write_references(study.tasks, study.runs, study.folder)
    assert fitted == []
    assert len(read_references(study.folder)) == 2 * 2  # models, noises
