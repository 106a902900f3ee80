"""retrieve train end to end on a tiny retriever, what it writes, and evaluation of what it wrote."""

import json
import signal

import numpy as np
import pytest
from scipy import sparse
from transformers import AutoModel

from cmploss.cli.main import main
from cmploss.experiment import read_feedback, read_record
from cmploss.retrieval import DenseIndex, SparseIndex, encoder_of, load_index, read_run, score_run
from cmploss.tasks.prf import TrainedFeedback
from cmploss.training.callbacks import StepProgress
from tests.local_model import WORDS
from tests.retrieval.world import documents_of, save_retriever

TRAIN = (
    "retrieve train --index index --documents docs.tsv --queries queries.tsv --qrels qrels.txt --run_file first.run "
    "--max_feedback 2 --input_length 32 --max_steps 6 --per_device_train_batch_size 4 --learning_rate 1e-2 "
    "--logging_steps 2 --use_cpu true --output_dir lol"
)
EVALUATE = (
    "retrieve evaluate --index index --documents docs.tsv --queries queries.tsv --qrels qrels.txt --reformulator lol "
    "--feedback average --feedback_passages 0,2 --depth 10 --output_dir scores"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A collection of 30 documents with its index, and 8 queries, each of two words of the one relevant document."""
    folder = tmp_path_factory.mktemp("made")
    documents = documents_of(30)
    rows = zip(documents.ids, documents.texts, strict=True)
    (folder / "docs.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in rows))
    texts = [" ".join(text.split()[:2]) for text in documents.texts[:8]]
    (folder / "queries.tsv").write_text("".join(f"q{number}\t{text}\n" for number, text in enumerate(texts)))
    (folder / "qrels.txt").write_text("".join(f"q{number} 0 d{number} 1\n" for number in range(8)))
    (folder / "half.txt").write_text("".join(f"q{number} 0 d{number} {number % 2}\n" for number in range(8)))
    model = save_retriever(folder / "made")
    for command in (
        f"retrieve index --documents {folder}/docs.tsv --model {model} --output_dir {folder}/index",
        f"retrieve search --index {folder}/index --queries {folder}/queries.tsv --k 5 --output_file {folder}/first.run",
    ):
        assert main(command.split()) == 0
    return folder


@pytest.fixture
def cmploss(made, tmp_path, monkeypatch, capsys):
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)

    def run(command):
        status = main(command.split())
        return status, *capsys.readouterr()

    return run


def test_train_writes_a_plain_encoder_and_its_record(cmploss, tmp_path):
    status, out, error = cmploss(f"{TRAIN} --validation_qrels half.txt --validation_run_file first.run")
    assert status == 0, error
    record = read_record(tmp_path / "lol" / "record.json")
    assert record.name == "feedback"
    assert record.cost["steps"] == 6
    assert record.settings["objective"] == "Feedback(weight=1.0, revisions=2, engine='auto')"
    assert record.settings["reformulator"]["score_scale"] == 20  # the retriever makes unit vectors
    assert record.data["notes"] == ["validation: 4 judged queries without a relevant passage are left out"]
    assert {part: size["examples"] for part, size in record.data["splits"].items()} == {"train": 8, "validation": 4}
    assert f"nDCG@10 {record.score('validation', 'nDCG@10'):.1f}" in out
    assert {"loss_dropout", "loss_crop1_dropout", "penalty"} <= set(record.history[0])
    assert AutoModel.from_pretrained(tmp_path / "lol").config.model_type == "bert"
    assert not list((tmp_path / "lol").glob("checkpoint-*"))


def test_validation_is_a_search_with_the_new_vectors(cmploss, tmp_path):
    status, _, error = cmploss(f"{TRAIN} --validation_qrels qrels.txt --validation_run_file first.run")
    assert status == 0, error
    index, first = DenseIndex.load("index"), read_run("first.run")
    documents = dict(line.split("\t") for line in (tmp_path / "docs.tsv").read_text().splitlines())
    queries = dict(line.split("\t") for line in (tmp_path / "queries.tsv").read_text().splitlines())
    passages = [[documents[name] for name in list(first[query])[:2]] for query in queries]
    vectors = TrainedFeedback.load("lol").vectors(list(queries.values()), passages)
    found = index.search(vectors, 10)
    run = {
        query: dict(zip([index.ids[row] for row in rows], scores, strict=True))
        for query, scores, rows in zip(queries, found[0].tolist(), found[1].tolist(), strict=True)
    }
    qrels = {f"q{number}": {f"d{number}": 1} for number in range(8)}
    expected = 100 * score_run(run, qrels)["nDCG@10"].mean()
    assert read_record(tmp_path / "lol" / "record.json").score("validation", "nDCG@10") == pytest.approx(expected)


def test_the_same_command_trains_once_and_another_is_refused(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    before = (tmp_path / "lol" / "head.safetensors").stat().st_mtime_ns
    status, out, _ = cmploss(TRAIN)
    assert (status, "holds this run already, finished" in out) == (0, True)
    assert (tmp_path / "lol" / "head.safetensors").stat().st_mtime_ns == before
    status, _, error = cmploss(f"{TRAIN} --feedback_weight 0")
    assert status == 2
    assert '--output_dir lol already holds another run: its objective is "Feedback(weight=1.0' in error


def test_an_interrupted_run_goes_on_to_the_same_weights(cmploss, tmp_path, monkeypatch):
    assert cmploss(TRAIN.replace("--output_dir lol", "--output_dir whole"))[0] == 0
    step_end, steps = StepProgress.on_step_end, iter(range(1, 100))

    def pressed(self, *args, **options):
        step_end(self, *args, **options)
        if next(steps) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(StepProgress, "on_step_end", pressed)
    status, _, error = cmploss(TRAIN)
    assert (status, "the same command continues" in error) == (130, True)
    assert not (tmp_path / "lol" / "record.json").exists()
    assert cmploss(TRAIN)[0] == 0
    whole, resumed = (TrainedFeedback.load(name).vectors(["the lamp"], [["so slow"]]) for name in ("whole", "lol"))
    np.testing.assert_allclose(resumed, whole, rtol=1e-4, atol=1e-5)


def test_evaluate_scores_it_without_feedback_too(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    status, out, error = cmploss(EVALUATE)
    assert status == 0, error
    record = json.loads((tmp_path / "scores" / "retrieval.json").read_text())
    rows = {(row["method"], row["passages"]): row for row in record["rows"]}
    assert list(rows) == [("none", 0), ("average", 2), ("lol", 0), ("lol", 2)]
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("lol")] == [["lol", "0"], ["lol", "2"]]
    index = DenseIndex.load("index")
    queries = dict(line.split("\t") for line in (tmp_path / "queries.tsv").read_text().splitlines())
    found = index.search(TrainedFeedback.load("lol").vectors(list(queries.values()), [[]] * 8), 10)
    run = read_run(tmp_path / "scores" / "lol-0.run")
    assert [list(run[query]) for query in queries] == [[index.ids[row] for row in rows] for rows in found[1].tolist()]
    own = index.search(encoder_of(index).queries(list(queries.values())), 10)
    assert found[1].tolist() != own[1].tolist()  # training moved it away from its retriever
    by_query = {size: np.array(rows["lol", size]["by_query"]["nDCG@10"]) for size in (0, 2)}
    assert rows["lol", 2]["hurt_by_more"] == [(by_query[2] < by_query[0]).mean()]


def test_reformulators_that_differ_in_their_seed_are_one_method(cmploss, tmp_path):
    for seed in (0, 3):
        assert cmploss(TRAIN.replace("--output_dir lol", f"--output_dir lol-{seed} --seed {seed}"))[0] == 0
    status, out, error = cmploss(EVALUATE.replace("lol", "lol-3,lol-0"))
    assert status == 0, error
    record = read_feedback("scores/retrieval.json")
    assert [(row.method, row.passages, row.seeds) for row in record.rows[2:]] == [
        ("lol", 0, [0, 3]),
        ("lol", 2, [0, 3]),
    ]
    assert record.reformulators["lol"]["runs"] == ["lol-0", "lol-3"]
    assert record.reformulators["lol"]["settings"]["training"]["max_steps"] == 6
    qrels = {f"q{number}": {f"d{number}": 1} for number in range(8)}
    runs = [score_run(read_run(f"scores/lol-{seed}-2.run"), qrels)["nDCG@10"] for seed in (0, 3)]
    assert record.rows[3].scores["nDCG@10"] == [pytest.approx(run.mean()) for run in runs]
    assert record.rows[3].by_query["nDCG@10"] == pytest.approx((runs[0] + runs[1]) / 2)
    (line,) = [line for line in out.splitlines() if line.split()[:2] == ["lol", "2"]]
    means = [run.mean() for run in runs]
    assert f"{np.mean(means):.4f} ± {np.std(means, ddof=1):.4f} (2)" in line


def test_a_sparse_index_trains_a_reformulator_of_the_given_encoder(cmploss, made, tmp_path):
    weights = sparse.random(30, len(WORDS), 0.3, "csr", np.float32, np.random.default_rng(0))
    index = SparseIndex(weights, [f"d{number}" for number in range(30)], "by hand")
    index.save("sparse")
    train = TRAIN.replace("--index index", "--index sparse")
    status, _, error = cmploss(train)
    assert (status, "--model is missing: the sparse index of by hand was made elsewhere" in error) == (2, True)
    status, _, error = cmploss(EVALUATE.replace("--index index", "--index sparse").replace("--reformulator lol ", ""))
    assert (status, "by hand was made elsewhere: nothing here encodes its queries" in error) == (2, True)
    status, _, error = cmploss(f"{train} --model made/plain")
    assert status == 0, error
    record = read_record(tmp_path / "lol" / "record.json")
    assert record.settings["reformulator"]["score_scale"] == 1
    vectors = TrainedFeedback.load("lol").vectors(["the lamp", "so slow"], [[], ["my door"]])
    assert vectors.shape == (2, len(WORDS))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors[:, :5] == 0).all()  # special tokens
    assert index.search(vectors, 3)[1].shape == (2, 3)


def test_from_a_sparse_index_to_its_scores(cmploss, tmp_path):
    """Trained by a learning rate of almost nothing, a reformulator without feedback is still the retriever."""

    def succeed(command):
        status, out, error = cmploss(command)
        assert status == 0, error
        return out

    out = succeed("retrieve index --documents docs.tsv --model made/plain --kind sparse --output_dir sparse")
    index = load_index("sparse")
    assert f"30 documents × {len(WORDS)}, of which {index.vectors.nnz / 30:.1f} a document are not 0, float32" in out
    succeed("retrieve search --index sparse --queries queries.tsv --k 5 --output_file second.run")
    queries = dict(line.split("\t") for line in (tmp_path / "queries.tsv").read_text().splitlines())
    scores = encoder_of(index).queries(list(queries.values())) @ index.vectors.toarray().T
    run = read_run("second.run")
    for query, row in zip(queries, scores, strict=True):
        assert sorted(run[query].values()) == pytest.approx(sorted(row)[-5:], rel=1e-5)
    train = TRAIN.replace("--index index", "--index sparse").replace("first.run", "second.run")
    succeed(train.replace("--learning_rate 1e-2", "--learning_rate 1e-9"))
    succeed(EVALUATE.replace("--index index", "--index sparse"))
    assert read_run("scores/lol-0.run")["q0"] == pytest.approx(read_run("scores/none-0.run")["q0"], rel=1e-4)
    average = read_run("scores/average-2.run")
    for query, row in zip(queries, scores, strict=True):
        best = np.argsort(-row, kind="stable")[:2]
        new = (row + index.vectors.toarray()[best].sum(0) @ index.vectors.toarray().T) / 3
        assert sorted(average[query].values()) == pytest.approx(sorted(new)[-10:], rel=1e-4)


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        (TRAIN.replace(" --run_file first.run", ""), ["--run_file is missing", "usage"]),
        (f"{TRAIN} --validation_qrels half.txt", ["--validation_run_file", "belong together"]),
        (f"{TRAIN} --revisions 0", ["revisions=0 must be at least 1"]),
        (f"{TRAIN} --feedback_weight -1", ["weight=-1.0 must not be negative"]),
        (f"{TRAIN} --score_scale 0", ["--score_scale 0.0"]),
        (f"{TRAIN} --max_feedback -1", ["--max_feedback must be >= 0, got -1"]),
        (f"{TRAIN} --documents queries.tsv", ["queries.tsv", "other documents than the index"]),
        (f"{TRAIN} --relevance_level 2", ["no query has a document of grade 2"]),
        (f"{TRAIN} --index nowhere", ["nowhere", "no index"]),
        (f"{TRAIN} --learning_rate 0", ["--learning_rate 0.0"]),
        (f"{EVALUATE} --reformulator nowhere", ["--reformulator nowhere: holds no finished run"]),
        (EVALUATE.replace("--documents docs.tsv ", ""), ["--documents is missing"]),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(command, parts, cmploss, tmp_path):
    before = sorted(tmp_path.iterdir())
    status, _, error = cmploss(command)
    assert status == 2
    assert error.count("\n") == 1
    assert [part for part in parts if part not in error] == []
    assert sorted(tmp_path.iterdir()) == before


def test_two_reformulators_of_one_name_are_refused(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "lol").symlink_to(tmp_path / "lol")
    status, _, error = cmploss(f"{EVALUATE} --reformulator lol,other/lol")
    assert (status, "the name 'lol' is taken; give folders with different last names" in error) == (2, True)


def test_more_passages_than_it_was_trained_on_are_refused_before_the_search(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    status, _, error = cmploss(f"{EVALUATE} --feedback_passages 0,3")
    assert (status, "--feedback_passages 3: lol reads at most 2" in error) == (2, True)
    assert not (tmp_path / "scores").exists()
