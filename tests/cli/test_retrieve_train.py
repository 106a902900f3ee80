"""retrieve train end to end on a tiny retriever, what it writes, and evaluation of what it wrote."""

import signal

import numpy as np
import pytest
import torch
from scipy import sparse
from transformers import AutoModel

from cmploss.cli.main import main
from cmploss.experiment import read_record, read_records
from cmploss.retrieval import SparseIndex, encoder_of, load_index, read_run, score_run
from cmploss.tasks.prf import TrainedFeedback
from cmploss.training.callbacks import StepProgress
from tests.local_model import WORDS
from tests.retrieval.world import documents_of, save_retriever

TRAIN = (
    "retrieve train --index index --documents docs.tsv --train_queries queries.tsv --train_qrels qrels.txt "
    "--train_run_file first.run "
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
    assert (record.name, record.objective["kind"]) == ("lol", "lol")
    assert {"feedback_weight": 1.0, "revisions": 2}.items() <= record.objective["settings"].items()
    assert record.cost["steps"] == 6
    assert record.settings["score_scale"] == 20  # the retriever makes unit vectors
    assert record.data["notes"] == [
        "validation: 4 judged queries without a relevant passage are left out",
        "4 queries of the validation split also occur in the training split.",
    ]
    assert {split: size["examples"] for split, size in record.data["splits"].items()} == {"train": 8, "validation": 4}
    assert f"nDCG@10 {record.score('validation', 'nDCG@10'):.1f}" in out
    assert {"loss_dropout", "loss_crop1_dropout", "penalty"} <= set(record.history[0])
    assert AutoModel.from_pretrained(tmp_path / "lol").config.model_type == "bert"
    assert not list((tmp_path / "lol").glob("checkpoint-*"))


def test_validation_is_a_search_with_the_new_vectors(cmploss, tmp_path):
    status, _, error = cmploss(f"{TRAIN} --validation_qrels qrels.txt --validation_run_file first.run")
    assert status == 0, error
    index, first = load_index("index"), read_run("first.run")
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
    assert read_record(tmp_path / "lol" / "record.json").primary == pytest.approx(expected)


def test_the_same_command_trains_once_and_another_is_refused(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    before = (tmp_path / "lol" / "head.safetensors").stat().st_mtime_ns
    status, out, _ = cmploss(TRAIN)
    assert (status, "this run is already finished" in out) == (0, True)
    assert (tmp_path / "lol" / "head.safetensors").stat().st_mtime_ns == before
    status, _, error = cmploss(f"{TRAIN} --feedback_weight 0")
    assert status == 2
    assert "--output_dir lol already holds another run: its objective" in error


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


def test_former_names_of_options_work_and_the_index_is_searched_without_a_run_file(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    former = TRAIN.replace("--train_", "--").replace("--run_file first.run", "--first_pass_depth 5")
    status, out, error = cmploss(former)
    assert status == 0, error
    assert "note: --queries is now called --train_queries" in error
    assert "this run is already finished" in out  # the same run: first.run is such a search


def evaluated():
    return {(each.name, each.condition.others["passages"], each.seed): each for each in read_records("scores")}


def test_evaluate_scores_it_without_feedback_too(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    status, _, error = cmploss(EVALUATE)
    assert status == 0, error
    records = evaluated()
    assert set(records) == {("none", 0, 0), ("none", 2, 0), ("average", 2, 0), ("lol", 0, 0), ("lol", 2, 0)}
    index = load_index("index")
    queries = dict(line.split("\t") for line in (tmp_path / "queries.tsv").read_text().splitlines())
    found = index.search(TrainedFeedback.load("lol").vectors(list(queries.values()), [[]] * 8), 10)
    run = read_run(tmp_path / "scores" / "lol-0-0.run")
    assert [list(run[query]) for query in queries] == [[index.ids[row] for row in rows] for rows in found[1].tolist()]
    own = index.search(encoder_of(index).queries(list(queries.values())), 10)
    assert found[1].tolist() != own[1].tolist()  # training moved it away from its retriever
    alone, fed = (np.array(records["lol", size, 0].predictions["test"]["nDCG@10"]) for size in (0, 2))
    assert records["lol", 2, 0].score("test", "hurt by the last passage") == 100 * (fed < alone).mean()
    assert records["lol", 2, 0].objective["settings"]["revisions"] == 2


def test_reformulators_that_differ_in_their_seed_are_one_method(cmploss, tmp_path):
    for seed in (0, 3):
        assert cmploss(TRAIN.replace("--output_dir lol", f"--output_dir lol-{seed} --seed {seed}"))[0] == 0
    status, out, error = cmploss(EVALUATE.replace("lol", "lol-3,lol-0"))
    assert status == 0, error
    records = evaluated()
    qrels = {f"q{number}": {f"d{number}": 1} for number in range(8)}
    means = []
    for seed in (0, 3):
        scores = score_run(read_run(f"scores/lol-{seed}-2.run"), qrels)["nDCG@10"]
        assert records["lol", 2, seed].predictions["test"]["nDCG@10"] == pytest.approx(100 * scores)
        means.append(100 * scores.mean())
    line = [line for line in out.splitlines() if line.split()[:1] == ["lol"]][-1]
    assert f"{np.mean(means):.1f} ± {np.std(means, ddof=1):.1f} (2)" in line


def test_a_sparse_index_trains_a_reformulator_of_the_given_encoder(cmploss, made, tmp_path):
    weights = sparse.random(30, len(WORDS), 0.3, "csr", np.float32, np.random.default_rng(0))
    index = SparseIndex(weights, [f"d{number}" for number in range(30)], "by hand")
    index.save("sparse")
    train = TRAIN.replace("--index index", "--index sparse")
    status, _, error = cmploss(train)
    assert (status, "--model is missing: the sparse index of by hand is of another tool" in error) == (2, True)
    status, _, error = cmploss(
        EVALUATE.replace("index --documents docs.tsv", "sparse").replace("--reformulator lol ", "")
    )
    assert (status, "by hand is of another tool; cmploss cannot encode its queries" in error) == (2, True)
    status, _, error = cmploss(f"{train} --model made/plain")
    assert status == 0, error
    record = read_record(tmp_path / "lol" / "record.json")
    assert record.settings["score_scale"] == 1
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
    assert f"30 documents × {len(WORDS)}, {index.vectors.nnz / 30:.1f} nonzero per document, float32" in out
    succeed("retrieve search --index sparse --queries queries.tsv --k 5 --output_file second.run")
    queries = dict(line.split("\t") for line in (tmp_path / "queries.tsv").read_text().splitlines())
    scores = encoder_of(index).queries(list(queries.values())) @ index.vectors.toarray().T
    run = read_run("second.run")
    for query, row in zip(queries, scores, strict=True):
        assert sorted(run[query].values()) == pytest.approx(sorted(row)[-5:], rel=1e-5)
    train = TRAIN.replace("--index index", "--index sparse").replace("first.run", "second.run")
    succeed(train.replace("--learning_rate 1e-2", "--learning_rate 1e-9"))
    succeed(EVALUATE.replace("--index index", "--index sparse"))
    assert read_run("scores/lol-0-0.run")["q0"] == pytest.approx(read_run("scores/none-0.run")["q0"], rel=1e-4)
    average = read_run("scores/average-2.run")
    for query, row in zip(queries, scores, strict=True):
        best = np.argsort(-row, kind="stable")[:2]
        new = (row + index.vectors.toarray()[best].sum(0) @ index.vectors.toarray().T) / 3
        assert sorted(average[query].values()) == pytest.approx(sorted(new)[-10:], rel=1e-4)


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        (TRAIN.replace(" --train_qrels qrels.txt", ""), ["--train_qrels is missing", "usage"]),
        (f"{TRAIN} --validation_run_file first.run", ["--validation_run_file needs --validation_qrels"]),
        (f"{TRAIN} --revisions 0", ["revisions=0 must be at least 1"]),
        (f"{TRAIN} --feedback_weight -1", ["weight=-1.0 must not be negative"]),
        (f"{TRAIN} --score_scale 0", ["--score_scale must be > 0, got 0.0"]),
        (f"{TRAIN} --max_feedback -1", ["--max_feedback must be >= 0, got -1"]),
        (f"{TRAIN} --documents queries.tsv", ["queries.tsv", "other documents than the index"]),
        (f"{TRAIN} --relevance_level 2", ["--relevance_level 2: no query has a document of that grade"]),
        (f"{TRAIN} --index nowhere", ["nowhere", "no index"]),
        (f"{TRAIN} --learning_rate 0", ["--learning_rate 0.0"]),
        (f"{EVALUATE} --reformulator nowhere", ["--reformulator nowhere: contains no finished run"]),
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


def test_two_reformulators_of_one_name_and_seed_are_refused(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "lol").symlink_to(tmp_path / "lol")
    status, _, error = cmploss(f"{EVALUATE} --reformulator lol,other/lol")
    assert (status, "lol and other/lol are both lol, seed 0" in error) == (2, True)


def test_more_passages_than_it_was_trained_on_are_refused_before_the_search(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    status, _, error = cmploss(f"{EVALUATE} --feedback_passages 0,3")
    assert (status, "--feedback_passages 3: lol reads at most 2" in error) == (2, True)
    assert not (tmp_path / "scores").exists()


COMPARE = (
    "compare --task prf --index index --documents docs.tsv --train_queries queries.tsv --train_qrels qrels.txt "
    "--validation_qrels half.txt --test_qrels half.txt --objectives supervised,lol(feedback_weight=0),lol --seeds 2 "
    "--max_feedback 2 --input_length 32 --max_steps 4 --per_device_train_batch_size 4 --learning_rate 1e-2 "
    "--first_pass_depth 5 --use_cpu true --output_dir study"
)


def test_compare_gives_lol_the_same_record_table_and_best_model_as_everything_else(cmploss, tmp_path):
    status, out, error = cmploss(COMPARE)
    assert status == 0, error
    records = read_records("study")
    names = ["supervised", "lol(feedback_weight=0)", "lol"]
    assert {(each.name, each.seed) for each in records} == {(name, seed) for name in names for seed in (0, 1)}
    rows = [line for line in out.splitlines() if "±" in line]  # the verdict may begin with a name as well
    assert [sum(row.startswith(f"{name} ") for row in rows) for name in names] == [1, 1, 1], out
    assert {each.name: each.cost["passes_per_step"] for each in records} == dict(zip(names, (1, 2, 2), strict=True))
    assert "4 queries of the validation split also occur in the training split." in error
    lol = next(each for each in records if each.name == "lol")
    assert lol.score("test", "nDCG@10", {"passages": 2}) == lol.primary
    best = max(records, key=lambda each: each.score("validation", "nDCG@10"))
    assert f"best   {best.name}," in out.replace("study/best", "best")
    vectors = TrainedFeedback.load("study/best").vectors(["the lamp"], [["so slow"]])
    assert vectors.shape == (1, 16)
    status, _, error = cmploss(EVALUATE.replace("--reformulator lol", "--reformulator study/best"))
    assert status == 0, error
    assert (best.name, 2, best.seed) in evaluated()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--objectives supervised,comparative", "comparative does not apply to --task prf"),
        ("--index nowhere", "nowhere: contains no index"),
        ("--max_length 8", "--max_length does not apply to --task prf; give --input_length"),
        ("--dropout_power 0,1", "--dropout_power"),
    ],
)
def test_what_a_study_of_reformulators_refuses(options, words, cmploss, tmp_path):
    before = sorted(tmp_path.iterdir())
    status, _, error = cmploss(f"{COMPARE} {options}")
    assert (status, error.count("\n"), words in error) == (2, 1, True), error
    assert sorted(tmp_path.iterdir()) == before


def test_a_reformulator_searches_without_judgements(cmploss, tmp_path):
    assert cmploss(TRAIN)[0] == 0
    assert cmploss(EVALUATE)[0] == 0
    search = "retrieve search --index index --documents docs.tsv --queries queries.tsv --reformulator lol --k 10"
    status, _, error = cmploss(f"{search} --output_file two.run")
    assert status == 0, error
    assert read_run("two.run") == read_run("scores/lol-0-2.run")
    assert cmploss(f"{search} --feedback_passages 0 --output_file none.run")[0] == 0
    assert read_run("none.run") == read_run("scores/lol-0-0.run") != read_run("two.run")
    (tmp_path / "one.tsv").write_text((tmp_path / "docs.tsv").read_text().partition("\n")[0] + "\n")
    assert cmploss("retrieve index --documents one.tsv --output_dir small --model made/retriever")[0] == 0
    fewer = search.replace("--index index --documents docs.tsv", "--index small --documents one.tsv")
    status, _, error = cmploss(f"{fewer} --output_file fewer.run")
    assert status == 0, error  # it reads as many passages as there are
    assert (
        "--feedback_passages 3: there are at most 2"
        in cmploss(f"{search} --feedback_passages 3 --output_file a.run")[2]
    )
    assert "needs --index, and as --documents" in cmploss(search.replace("--index index ", ""))[2]


def test_a_released_checkpoint_is_converted_and_scored(cmploss, tmp_path):
    encoder = AutoModel.from_pretrained(tmp_path / "made" / "plain")
    encoder.save_pretrained(tmp_path / "released")
    width = encoder.config.hidden_size
    weights = {"dense_proj.weight": torch.eye(width), "dense_proj.bias": torch.zeros(width)}
    norm = {"layer_norm.weight": torch.ones(width), "layer_norm.bias": torch.zeros(width)}
    torch.save(weights | norm, tmp_path / "released" / "model.pt")
    convert = (
        "retrieve convert --checkpoint released --index index --tokenizer made/plain --output_dir lol --max_feedback 2"
    )
    status, out, error = cmploss(f"{convert} --input_length 32")
    assert (status, "a dense reformulator of released" in out) == (0, True), error
    status, _, error = cmploss(EVALUATE)
    assert status == 0, error
    assert {record.name for record in read_records(tmp_path / "scores")} == {"none", "average", "lol"}
    assert "exists already" in cmploss(convert)[2]


def test_a_reformulator_of_other_weights_is_another_evaluation(cmploss, tmp_path):
    """Both have the same name, seed and settings of inputs."""
    assert cmploss(TRAIN)[0] == 0
    assert cmploss(EVALUATE)[0] == 0
    assert cmploss(TRAIN.replace("--output_dir lol", "--output_dir other/lol") + " --feedback_weight 0")[0] == 0
    status, _, error = cmploss(EVALUATE.replace("--reformulator lol", "--reformulator other/lol"))
    assert (status, "already holds another run: its reformulator" in error) == (2, True)


def test_a_name_with_spaces_is_evaluated_twice(cmploss, tmp_path):
    """As the best model of a study with --vary has."""
    folder = tmp_path / "lol · learning_rate=0.1"
    assert cmploss(TRAIN)[0] == 0
    (tmp_path / "lol").rename(folder)
    evaluate = [str(folder) if word == "lol" else word for word in EVALUATE.split()]
    for _ in range(2):
        assert main(evaluate) == 0
        (tmp_path / "scores" / "finished").unlink()
    assert {record.name for record in read_records(tmp_path / "scores")} == {"none", "average", folder.name}


def test_training_queries_without_a_result_are_left_out(cmploss, tmp_path):
    lines = (tmp_path / "first.run").read_text().splitlines()
    (tmp_path / "fewer.run").write_text("\n".join(line for line in lines if not line.startswith("q3 ")))
    train = TRAIN.replace("first.run", "fewer.run")
    assert cmploss(train)[0] == 0
    record = read_record(tmp_path / "lol" / "record.json")
    assert record.data["splits"]["train"]["examples"] == 7
    assert record.data["notes"] == ["train: 1 judged queries without a result are left out"]
    tested = f"{train} --validation_qrels qrels.txt --validation_run_file fewer.run --output_dir other"
    status, _, error = cmploss(tested)
    assert (status, "fewer.run: has no results for query 'q3'" in error, "--validation_qrels" in error) == (
        2,
        True,
        True,
    )
