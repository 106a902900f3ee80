"""Vectors that another tool has made, in all four commands; approximate search; heads of a checkpoint's own."""

import gzip
import json
import os
from pathlib import Path

import faiss
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import sparse

from cmploss.errors import UserError
from cmploss.experiment import read_records
from cmploss.retrieval import EncoderConfig, Texts, load_encoder, load_index, read_run
from cmploss.retrieval.optional import read_faiss
from cmploss.retrieval.vector_files import read_vectors
from tests.local_model import WORDS
from tests.retrieval.world import documents_of, save_masked_lm, save_retriever

DOCUMENTS = documents_of(30)
QUERIES = Texts("queries", ["q0", "q1", "q2"], ["lovely lamp", "door is broken", "slow hub"])
INDEX = "retrieve index --documents documents.tsv --output_dir index"
SEARCH = "retrieve search --index index --queries queries.tsv --k 5 --output_file out.run"
EVALUATE = (
    "retrieve evaluate --index index --queries queries.tsv --qrels qrels.txt --feedback_passages 0,2 "
    "--output_dir scores"
)
TRAIN = (
    "retrieve train --index index --documents documents.tsv --train_queries queries.tsv --train_qrels qrels.txt "
    "--train_run_file first.run --max_feedback 2 --input_length 32 --max_steps 2 --use_cpu true --output_dir lol"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A retriever, its vectors as an array, and token weights as lines of JSON."""
    folder = tmp_path_factory.mktemp("made")
    encoder = load_encoder(EncoderConfig(save_retriever(folder / "model")))
    for name, texts, vectors in (
        ("documents", DOCUMENTS, encoder.documents(DOCUMENTS.texts)),
        ("queries", QUERIES, encoder.queries(QUERIES.texts)),
    ):
        rows = list(zip(texts.ids, texts.texts, strict=True))
        (folder / f"{name}.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in rows))
        np.save(folder / f"{name}.npy", vectors)
        lines = [json.dumps({"id": key, "vector": dict.fromkeys(text.split(), 2.0)}) for key, text in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(reversed(lines)))
    (folder / "qrels.txt").write_text("".join(f"q{n} 0 d{n + 3 * m} 1\n" for n in range(3) for m in range(4)))
    first = (f"q{n} Q0 d{(n + 7 * m) % 30} 0 {-m} x\n" for n in range(3) for m in range(4))
    (folder / "first.run").write_text("".join(first))
    return folder


@pytest.fixture
def succeed(cmploss, made, tmp_path, monkeypatch):
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)

    def run(command):
        status, out, error = cmploss(command)
        assert status == 0, error
        return out

    return run


def best(vectors, queries, k=5):
    scores = queries @ vectors.T
    return [sorted(range(30), key=lambda row: (row_scores[row], f"d{row}"), reverse=True)[:k] for row_scores in scores]


def test_vectors_of_a_known_model_are_an_index_of_this_package(succeed, cmploss):
    succeed(f"{INDEX} --vectors documents.npy --model model/retriever")
    succeed(f"{INDEX.replace('--output_dir index', '--output_dir own')} --model model/retriever")
    index, own = load_index("index"), load_index("own")
    assert {name: value for name, value in index.settings.items() if name != "vectors"} == own.settings
    assert abs(index.vectors.astype(float) - own.vectors.astype(float)).max() < 1e-3
    succeed(SEARCH)
    np.save("other.npy", -np.load("documents.npy"))
    status, _, error = cmploss(f"{INDEX}2 --vectors other.npy --model model/retriever")
    assert (status, "other.npy: --model model/retriever makes other vectors" in error) == (2, True)


def test_vectors_without_a_model_need_vectors_of_queries(succeed, cmploss):
    succeed(f"{INDEX} --vectors documents.npy")
    for command in (SEARCH, EVALUATE):
        status, _, error = cmploss(command)
        assert (status, "is of another tool" in error, "--query_vectors" in error) == (2, True, True)
    status, _, error = cmploss(f"{SEARCH} --query_vectors queries.npy --model model/retriever")
    assert (status, "--model does not apply to queries.npy, which has no token weights" in error) == (2, True)
    succeed(f"{SEARCH} --query_vectors queries.npy")
    vectors = np.load("documents.npy").astype(np.float16).astype(np.float32)
    expected = best(vectors, np.load("queries.npy"))
    assert [list(row) for row in read_run("out.run").values()] == [[f"d{row}" for row in rows] for rows in expected]
    succeed(f"{EVALUATE} --query_vectors queries.npy")
    assert {record.name for record in read_records("scores")} == {"none", "average", "rocchio"}


def test_token_weights_of_another_tool_in_all_four_commands(succeed, cmploss):
    status, _, error = cmploss(f"{INDEX} --vectors documents.jsonl --model model/plain --vector_type float32")
    assert (status, "--vector_type does not apply to documents.jsonl" in error) == (2, True)
    succeed(f"{INDEX} --vectors documents.jsonl --model model/plain")
    index = load_index("index")
    assert index.vectors.shape == (30, len(WORDS))
    assert index.vectors.nnz == sum(len(set(text.split())) for text in DOCUMENTS.texts)
    succeed(f"{SEARCH} --query_vectors queries.jsonl")
    shared = {
        key: len({"lovely", "lamp"} & set(text.split()))
        for key, text in zip(DOCUMENTS.ids, DOCUMENTS.texts, strict=True)
    }
    assert read_run("out.run")["q0"] == {key: 4.0 * shared[key] for key in read_run("out.run")["q0"]}
    succeed(f"{TRAIN} --model model/plain")
    out = succeed(f"{EVALUATE} --query_vectors queries.jsonl --documents documents.tsv --reformulator lol")
    assert "3 of 3 queries were trained on by lol, seed 0" in out
    assert {record.name for record in read_records("scores")} == {"none", "average", "rocchio", "lol"}


def test_a_first_run_is_fed_back_and_scored(succeed, cmploss):
    """Its documents need no vectors of queries; average and Rocchio do."""
    succeed(f"{INDEX} --vectors documents.npy")
    status, _, error = cmploss(f"{EVALUATE} --first_run first.run")
    assert (status, "--query_vectors" in error) == (2, True)
    succeed(f"{TRAIN} --model model/retriever")
    succeed(f"{EVALUATE} --first_run first.run --feedback none --documents documents.tsv --reformulator lol")
    assert list(read_run("scores/none-0.run")["q1"]) == ["d1", "d8", "d15", "d22"]
    succeed(f"{EVALUATE}2 --first_run first.run --query_vectors queries.npy --feedback average")
    vectors, queries = np.load("documents.npy").astype(np.float16).astype(np.float32), np.load("queries.npy")
    fed = [(queries[n] + vectors[n] + vectors[n + 7]) / 3 for n in range(3)]
    assert list(read_run("scores2/average-2.run")["q1"])[:5] == [f"d{row}" for row in best(vectors, np.array(fed))[1]]
    status, _, error = cmploss(f"{EVALUATE}3 --first_run first.run --query_vectors queries.npy --feedback_passages 5")
    assert (status, "first.run: query 'q0' has 4 results; at least 5 are needed" in error) == (2, True)


def saved(form, vectors, folder):
    path = folder / f"v.{form}"
    if form == "npy":
        np.save(path, vectors)
    elif form == "npz":
        sparse.save_npz(path, sparse.csr_matrix(vectors))
    elif form == "jsonl":
        path.write_text(
            "".join(json.dumps({"id": f"d{n}", "vector": row.tolist()}) + "\n" for n, row in enumerate(vectors))
        )
    elif form == "lines":  # as pyserini.encode writes them, here to two files
        path.mkdir()
        lines = [json.dumps({"id": f"d{n}", "contents": "x", "vector": row.tolist()}) for n, row in enumerate(vectors)]
        (path / "embeddings.jsonl").write_text("\n".join(lines[2:]))
        (path / "more.json.gz").write_bytes(gzip.compress("\n".join(lines[:2]).encode()))
    else:
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        if form == "folder":
            path.mkdir()
            (path / "docid").write_text("".join(f"d{n}\n" for n in range(len(vectors))))
        faiss.write_index(flat, str(path / "index" if form == "folder" else path))
    return path


@pytest.mark.parametrize("form", ["npy", "npz", "jsonl", "faiss", "folder", "lines"])
def test_every_form_of_vectors_is_the_same_array(form, tmp_path):
    vectors = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    found = read_vectors(saved(form, vectors, tmp_path), Texts("t", ["d0", "d1", "d2", "d3"], ["x"] * 4))
    assert (found.toarray() if form == "npz" else found).tolist() == vectors.tolist()


def test_sparse_queries_of_pyserini_repeat_a_token_by_its_weight(tmp_path):
    (tmp_path / "topics.tsv").write_text("q1\tb a b\nother\tz\nq0\ta a a\n")
    found = read_vectors(tmp_path / "topics.tsv", Texts("t", ["q0", "q1"], ["x", "y"]), {"a": 0, "b": 2})
    assert found.toarray().tolist() == [[3, 0, 0], [1, 0, 2]]


def test_token_weights_in_several_files_are_put_in_the_order_of_the_texts(tmp_path):
    (tmp_path / "split01_docs.json").write_text('{"id": "b", "vector": {"y": 2}}\n')
    (tmp_path / "split00_docs.json").write_text(
        '{"id": "c", "vector": {}}\n{"id": "x", "vector": {"?": 1}}\n{"id": "a", "vector": {"z": 1, "x": 3}}\n'
    )
    texts = Texts("t", ["a", "b", "c"], ["x", "y", "z"])
    found = read_vectors(tmp_path, texts, {"x": 0, "y": 1, "z": 2})
    assert found.toarray().tolist() == [[3, 0, 1], [0, 2, 0], [0, 0, 0]]
    with pytest.raises(UserError, match=r"split01_docs\.json, line 1: the token 'y' is not in the vocabulary"):
        read_vectors(tmp_path, texts, {"x": 0, "z": 2})


FAULTY = {
    "rows.npy": (lambda path: np.save(path, np.ones((3, 2))), "has 3 vectors, but t has 2 texts"),
    "flat.npy": (lambda path: np.save(path, np.ones(2)), "shape (2,)"),
    "whole.npy": (lambda path: np.save(path, np.ones((2, 2), dtype=int)), "array of int64"),
    "nan.npy": (lambda path: np.save(path, np.full((2, 2), np.nan)), "not finite"),
    "pickle.npy": (
        lambda path: np.save(path, np.array([[print, 1]]), allow_pickle=True),
        "is no array",
    ),
    "cut.npy": (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00v"), "is no array"),
    "text.npz": (lambda path: path.write_text("no archive"), "is no array"),
    "text.faiss": (lambda path: path.write_text("no index"), "is no flat index of faiss"),
    "graph.faiss": (
        lambda path: faiss.write_index(faiss.IndexHNSWFlat(2, 4), str(path)),
        "is no flat index of faiss",
    ),
    "null.faiss": (lambda path: path.write_bytes(b"null"), "is no flat index of faiss"),
    "none.npy": (lambda path: None, "cannot be read"),
    "v.txt": (lambda path: path.write_text("1 2"), "is no known form of vectors; give .npy"),
    "words.jsonl": (lambda path: path.write_text('{"id": "a", "vector": ["x"]}'), "line 1: 'vector' is neither"),
    "missing.jsonl": (
        lambda path: path.write_text('{"id": "a", "vector": [1]}'),
        "has no vector of 'b'",
    ),
    "twice.jsonl": (
        lambda path: path.write_text('{"id": "a", "vector": [1]}\n' * 2),
        "the id 'a' occurs twice",
    ),
    "mixed.jsonl": (
        lambda path: path.write_text('{"id": "a", "vector": [1]}\n{"id": "b", "vector": [1, 2]}'),
        "line 2: the vector has another form or length",
    ),
    "huge.jsonl": (
        lambda path: path.write_text(f'{{"id": "a", "vector": [{10**400}]}}'),
        "line 1: has numbers that are not finite",
    ),
    "infinite.jsonl": (
        lambda path: path.write_text('{"id": "a", "vector": [1e300]}\n{"id": "b", "vector": [1]}'),
        "not finite",
    ),
    "bare.tsv": (lambda path: path.write_text("a x y"), "line 1: is not an id, a tab and tokens"),
    "tokens.jsonl": (
        lambda path: path.write_text('{"id": "a", "vector": {"x": 1}}\n{"id": "b", "vector": {"x": 1}}'),
        "give --model, whose vocabulary",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_other_vectors_are_refused(name, tmp_path):
    make, words = FAULTY[name]
    make(tmp_path / name)
    with pytest.raises(UserError) as caught:
        read_vectors(tmp_path / name, Texts("t", ["a", "b"], ["x", "y"]))
    assert words in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_approximate_search_is_kept_and_finds_the_best(kind, succeed, cmploss):
    succeed(f"{INDEX} --vectors documents.npy")
    succeed(f"{SEARCH} --query_vectors queries.npy")
    exact = {key: list(row) for key, row in read_run("out.run").items()}
    out = succeed(f"{SEARCH}2 --query_vectors queries.npy --approximate {kind}")
    assert f"building index/{kind}.faiss" in out
    assert {key: list(row) for key, row in read_run("out.run2").items()} == {
        key: list(row) for key, row in exact.items()
    }
    assert "building" not in succeed(f"{SEARCH}3 --query_vectors queries.npy --approximate {kind} --k 30")
    assert [len(row) for row in read_run("out.run3").values()] == [30] * 3
    os.truncate(f"index/{kind}.faiss", 50)
    status, _, error = cmploss(f"{SEARCH}4 --query_vectors queries.npy --approximate {kind}")
    assert (status, f"index/{kind}.faiss: cannot be read by faiss" in error) == (2, True)
    succeed(f"{EVALUATE} --query_vectors queries.npy --approximate {'ivf' if kind == 'hnsw' else 'hnsw'}")


def without_vectors(built):
    """A graph whose vectors are the code of faiss for no index."""
    return built[: built.index(b"IxFI")] + b"null"


def flat(built):
    """The vectors of a graph alone, which are a whole index of the same shape."""
    return built[built.index(b"IxFI") :]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda built: b"null", "cannot be read by faiss"),
        (without_vectors, "has no IndexHNSWFlat of faiss"),
        (flat, "has no IndexHNSWFlat of faiss"),
    ],
)
def test_a_structure_of_another_form_is_refused(damage, words, succeed, cmploss):
    succeed(f"{INDEX} --vectors documents.npy")
    succeed(f"{SEARCH} --query_vectors queries.npy --approximate hnsw")
    path = Path("index/hnsw.faiss")
    path.write_bytes(damage(path.read_bytes()))
    status, _, error = cmploss(f"{SEARCH}2 --query_vectors queries.npy --approximate hnsw")
    assert (status, f"index/hnsw.faiss: {words}" in error, error.count("\n")) == (2, True, 1), error


@pytest.mark.parametrize("kind", ["dense --pooling cls", "sparse"])
def test_a_head_of_its_own_is_not_left_out_silently(kind, succeed, cmploss, tmp_path):
    """As of ANCE (embeddingHead, norm) and uniCOIL (tok_proj)."""
    save_masked_lm(tmp_path / "lm")
    succeed(f"{INDEX} --model lm --kind {kind}")  # heads of other tasks are
    path = tmp_path / "lm" / "model.safetensors"
    more = {"embeddingHead.weight": torch.zeros(2), "tok_proj.bias": torch.zeros(1)}
    save_file(load_file(path) | more, path, metadata={"format": "pt"})
    status, _, error = cmploss(f"{INDEX}2 --model lm --kind {kind}")
    assert (status, "embeddingHead.weight, tok_proj.bias" in error, error.count("\n")) == (2, True, 1), error


@pytest.mark.slow
def test_several_processes_encode_the_same_index(succeed):
    succeed(f"{INDEX} --model model/retriever")
    succeed(f"{INDEX}2 --model model/retriever --jobs 2")
    one, two = (load_index(name).vectors.astype(float) for name in ("index", "index2"))
    assert abs(one - two).max() < 1e-3


@pytest.mark.parametrize("form", ["npy", "jsonl"])
def test_other_vectors_are_another_index(form, succeed, cmploss):
    """Also where no encoder is known: a finished evaluation is not one of the new vectors."""
    model = " --model model/plain" if form == "jsonl" else ""
    found = []
    for number in (1, 2):
        if form == "npy":
            np.save("v.npy", np.load("documents.npy") * number)
        else:
            Path("v.jsonl").write_text(Path("documents.jsonl").read_text().replace("2.0", f"{number}.5"))
        succeed(f"{INDEX}{number} --vectors v.{form}{model}")
        found.append(load_index(f"index{number}").settings)
    assert found[0].keys() == found[1].keys()
    assert {name for name in found[0] if found[0][name] != found[1][name]} == {"vectors"}


def test_a_folder_of_query_vectors_is_evaluated(succeed, cmploss):
    succeed(f"{INDEX} --vectors documents.jsonl --model model/plain")
    lines = Path("queries.jsonl").read_text().splitlines()
    Path("folder").mkdir()
    for number, line in enumerate(lines):
        Path(f"folder/{number}.jsonl").write_text(f"{line}\n")
    succeed(f"{EVALUATE} --query_vectors folder")
    last = Path(f"folder/{len(lines) - 1}.jsonl")
    last.write_text(last.read_text().replace("2.0", "3.0"))
    status, _, error = cmploss(f"{EVALUATE} --query_vectors folder")
    assert (status, "already holds another run: its query_vectors" in error) == (2, True)


def test_an_index_is_refused_before_its_vectors_are_read(succeed, cmploss):
    Path("index").mkdir()
    Path("index/notes.txt").touch()
    status, _, error = cmploss(f"{INDEX} --vectors nowhere.npy")
    assert (status, "index: is not empty" in error) == (2, True)


def test_an_empty_vector_is_named(succeed, cmploss):
    lines = [{"id": key, "vector": [] if row == 0 else [1.0, 2.0]} for row, key in enumerate(DOCUMENTS.ids)]
    Path("empty.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    status, _, error = cmploss(f"{INDEX} --vectors empty.jsonl")
    assert (status, "empty.jsonl, line 1: the vector is empty" in error) == (2, True)


def test_the_limits_of_faiss_are_as_before(tmp_path):
    flat = faiss.IndexFlatIP(4)
    flat.add(np.eye(4, dtype=np.float32))
    faiss.write_index(flat, str(tmp_path / "flat.faiss"))
    before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    assert read_faiss(tmp_path / "flat.faiss", "fault").ntotal == 4
    assert (faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()) == before
