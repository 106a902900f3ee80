"""Index, search and evaluate end to end: files, numbers, doing it twice, and mistakes."""

import shutil

import ir_measures
import pytest

from cmploss.experiment import read_record, read_records
from cmploss.retrieval import EncoderConfig, build_index, load_encoder, load_index, read_queries, read_run
from cmploss.retrieval.bm25 import bm25_run
from tests.retrieval.world import documents_of, save_retriever

DOCUMENTS = documents_of(40)
QUERIES = {"q1": "lovely lamp", "q2": "the door is broken", "q3": "slow hub", "q4": "never judged new door"}
QRELS = "".join(f"q{number} 0 d{row} {row % 3}\n" for number in (1, 2, 3) for row in range(number, 40, 7))
INDEX = "retrieve index --documents documents.tsv --output_dir index --model retriever"
SEARCH = "retrieve search --index index --queries queries.tsv --output_file out.run"
EVALUATE = "retrieve evaluate --index index --queries queries.tsv --qrels qrels.txt --output_dir out"
MEASURES = {"nDCG@10": "nDCG@10", "RR@10": "RR(rel=2)@10", "AP": "AP(rel=2)", "R@100": "R(rel=2)@100"}


@pytest.fixture(scope="module")
def retriever(tmp_path_factory):
    return save_retriever(tmp_path_factory.mktemp("retriever"))


@pytest.fixture
def collection(workplace, retriever):
    """Documents, queries and judgements in ``workplace``, and the retriever under ``retriever``."""
    (workplace / "retriever").symlink_to(retriever)
    lines = [f"{key}\t{text}\n" for key, text in zip(DOCUMENTS.ids, DOCUMENTS.texts, strict=True)]
    (workplace / "documents.tsv").write_text("".join(lines))
    (workplace / "queries.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in QUERIES.items()))
    (workplace / "qrels.txt").write_text(QRELS)
    return workplace


@pytest.fixture
def succeed(cmploss, collection):
    def run(command):
        status, out, error = cmploss(command)
        assert (status, error.strip()) == (0, "")  # a progress bar that is gone leaves an empty line
        return out

    return run


@pytest.fixture(scope="module")
def index(tmp_path_factory, retriever):
    folder = tmp_path_factory.mktemp("indexes") / "index"
    build_index(DOCUMENTS, load_encoder(EncoderConfig(retriever)), folder)
    return folder


@pytest.fixture
def indexed(collection, index):
    shutil.copytree(index, collection / "index")
    return collection


def means_by_ir_measures(qrels, run):
    measures = [ir_measures.parse_measure(name) for name in MEASURES.values()]
    found = ir_measures.calc_aggregate(
        measures, list(ir_measures.read_trec_qrels(str(qrels))), list(ir_measures.read_trec_run(str(run)))
    )
    return {name: found[measure] for name, measure in zip(MEASURES, measures, strict=True)}


def test_a_measure_that_is_deeper_than_a_run_is_noted(indexed, succeed):
    out = succeed(f"{EVALUATE} --feedback none --depth 20 --measures nDCG@10,R@100")
    assert "R@100 reads the 20 documents of a run (--depth)" in out
    assert "nDCG@10 reads" not in out


def test_the_first_measure_is_that_of_the_table(indexed, succeed):
    measures = "P@5,AP(rel=2),nDCG@10"
    out = succeed(f"{EVALUATE} --feedback average --feedback_passages 1 --measures {measures}")
    record = read_record(indexed / "out" / "passages-1" / "average" / "seed-0" / "record.json")
    assert record.benchmark.measure == "P@5"
    assert [score.measure for score in record.scores][:3] == measures.split(",")
    none = read_record(indexed / "out" / "passages-1" / "none" / "seed-0" / "record.json")
    own, base = (each.predictions["test"]["P@5"] for each in (record, none))
    helped = 100 * sum(a > b for a, b in zip(own, base, strict=True)) / len(own)
    assert record.score("test", "queries helped") == pytest.approx(helped)
    assert "P@5" in out


def test_measures_are_read_before_anything_is_loaded(cmploss, collection):
    """There is no index."""
    status, _, error = cmploss(f"{EVALUATE} --measures nDCG@10,MAP@k")
    assert (status, error.count("\n")) == (2, 1)
    assert "--measures 'MAP@k' is unknown" in error


def test_an_index_is_made_once(collection, succeed, contents):
    first = succeed(INDEX)
    assert first.startswith("index   40 documents × 16, float16")
    before = contents()
    assert succeed(INDEX) == first
    assert contents() == before
    assert load_index("index").ids == DOCUMENTS.ids


def test_evaluation_says_what_ir_measures_says_of_its_files(indexed, succeed):
    (indexed / "theirs.run").write_text("q1 0 d8 1 9.5 other\nq3\tQ0\td17\t0\t1e-3\tother\n")
    out = succeed(f"{EVALUATE} --relevance_level 2 --feedback_passages 0,1,3 --run_files theirs.run")
    files = {(name, size): indexed / "out" / f"{name}-{size}.run" for name in ("average", "rocchio") for size in (1, 3)}
    files |= {("none", size): indexed / "out" / "none-0.run" for size in (0, 1, 3)}
    files |= {("theirs", size): indexed / "theirs.run" for size in (0, 1, 3)}
    records = {(each.name, each.condition.others["passages"]): each for each in read_records(indexed / "out")}
    assert records.keys() == files.keys()
    for key, file in files.items():
        expected = means_by_ir_measures(indexed / "out" / "qrels.txt", file)
        found = {name: records[key].score("test", name) for name in MEASURES}
        assert found == {name: pytest.approx(100 * value) for name, value in expected.items()}
    assert records["none", 0].predictions["test"]["ids"] == ["q1", "q2", "q3"]
    assert "1 queries without judgements" in out
    for size in (0, 1, 3):  # a table for each number of passages
        assert f"passages {size}" in out
    (line,) = [line for line in out.splitlines() if line.split()[:1] == ["rocchio"] and "(3 " not in line][-1:]
    assert f"{records['rocchio', 3].primary:.1f}" in line


def test_a_finished_evaluation_is_shown_again_and_other_settings_are_refused(indexed, succeed, cmploss, contents):
    first = succeed(EVALUATE)
    before = contents()
    again = succeed(EVALUATE)
    assert again.splitlines() == ["out: this evaluation is already finished", *first.splitlines()]
    status, _, error = cmploss(f"{EVALUATE} --depth 5")
    assert status == 2
    assert "already holds another run: its depth is 1000, not 5" in error
    assert contents() == before


def test_an_evaluation_is_an_ordinary_study_for_the_report(indexed, succeed):
    assert "report out/report.html\n" in succeed(EVALUATE)
    page = (indexed / "out" / "report.html").read_text(encoding="utf-8")
    (indexed / "out" / "report.html").unlink()
    assert succeed("report out --baseline none").startswith(
        "out/report.html: 16 runs, "
    )  # 6 of none, 5 of each formula
    assert (indexed / "out" / "report.html").read_text(encoding="utf-8") == page
    succeed("report out --format latex --baseline none")
    assert "average" in (indexed / "out" / "report.tex").read_text(encoding="utf-8")


def test_an_interrupted_evaluation_goes_on(indexed, succeed):
    whole = succeed(EVALUATE)
    (indexed / "out" / "finished").unlink()
    record = indexed / "out" / "passages-1" / "rocchio" / "seed-0" / "record.json"
    scores = read_record(record).scores
    record.unlink()
    kept = (indexed / "out" / "rocchio-2.run").stat().st_mtime_ns
    (indexed / "out" / "rocchio-1.run").unlink()
    assert succeed(EVALUATE) == whole
    assert (indexed / "out" / "rocchio-2.run").stat().st_mtime_ns == kept
    assert (indexed / "out" / "rocchio-1.run").exists()
    assert read_record(record).scores == scores


def test_search_writes_the_run_without_feedback(indexed, succeed):
    succeed(f"{EVALUATE} --depth 7 --feedback none")
    assert "28 results for 4 queries written to out.run" in succeed(f"{SEARCH} --k 7")
    found, evaluated = read_run(indexed / "out.run"), read_run(indexed / "out" / "none-0.run")
    assert {query: list(found[query]) for query in evaluated} == {query: list(row) for query, row in evaluated.items()}
    assert list(evaluated) == ["q1", "q2", "q3"]


def test_bm25_needs_no_index(collection, succeed):
    pytest.importorskip("Stemmer", reason="PyStemmer of the extra 'retrieval' is not installed")
    succeed(SEARCH.replace("--index index", "--documents documents.tsv"))
    run = read_run(collection / "out.run")
    words = [set(text.split()) for text in DOCUMENTS.texts]
    assert set(run["q1"]) == {key for key, each in zip(DOCUMENTS.ids, words, strict=True) if {"lovely", "lamp"} & each}


def test_bm25_with_other_constants(collection, succeed):
    pytest.importorskip("Stemmer", reason="PyStemmer of the extra 'retrieval' is not installed")
    search = SEARCH.replace("--index index", "--documents documents.tsv")
    succeed(f"{search} --k1 1.2 --b 0.75")
    queries = read_queries("queries.tsv")
    assert read_run(collection / "out.run") == bm25_run(DOCUMENTS, queries, 1000, k1=1.2, b=0.75)
    assert read_run(collection / "out.run") != bm25_run(DOCUMENTS, queries, 1000)


def test_rocchio_without_passages_searches_with_the_query(indexed, succeed):
    succeed(f"{EVALUATE} --feedback_passages 0,2 --rocchio 2,0")
    none, twice = (read_run(indexed / "out" / f"{name}.run") for name in ("none-0", "rocchio-2"))
    assert {query: list(row) for query, row in none.items()} == {query: list(row) for query, row in twice.items()}
    for query, row in none.items():
        assert list(twice[query].values()) == pytest.approx([2 * score for score in row.values()], rel=1e-5)


FAULTY = {
    "no_documents": ("retrieve index --output_dir x", ["--documents is missing"]),
    "no_folder": ("retrieve index --documents documents.tsv", ["--output_dir is missing"]),
    "batch_size": (f"{INDEX} --batch_size 0", ["--batch_size must be >= 1, got 0"]),
    "plain": (
        "retrieve index --documents documents.tsv --output_dir x --model models/encoder",
        ["--pooling is missing"],
    ),
    "kind": (f"{INDEX} --kind spares", ["--kind must be one of dense, sparse, got 'spares'"]),
    "token_weights": (
        f"{INDEX} --kind sparse --token_weights logs",
        ["must be one of relu, log, l2, got 'logs'"],
    ),
    "sparse_prompt": (f"{INDEX} --kind sparse --query_prompt x", ["--query_prompt does not apply to --kind sparse"]),
    "sparse_type": (f"{INDEX} --kind sparse --vector_type float32", ["--vector_type does not apply to --kind sparse"]),
    "max_terms": (f"{INDEX} --kind sparse --max_terms 0", ["--max_terms must be >= 1, got 0"]),
    "sparse_pooling": (f"{INDEX} --kind sparse --pooling cls", ["--pooling does not apply to --kind sparse"]),
    "dense_terms": (f"{INDEX} --max_terms 5", ["--max_terms does not apply to --kind dense"]),
    "vectors_batch": (f"{INDEX} --vectors v.npy --batch_size 4", ["--batch_size does not apply to --vectors"]),
    "vectors_kind": (f"{INDEX} --vectors v.npy --kind sparse", ["--kind does not apply to --vectors"]),
    "vectors_pooling": (
        "retrieve index --documents documents.tsv --output_dir x --vectors v.npy --pooling cls",
        ["--pooling does not apply to --vectors without --model"],
    ),
    "index_k1": (f"{SEARCH} --k1 1", ["--k1 does not apply to the search of an --index"]),
    "bm25_model": (
        "retrieve search --documents documents.tsv --queries queries.tsv --output_file out.run --model retriever",
        ["--model does not apply to BM25"],
    ),
    "unused_rocchio": (
        f"{EVALUATE} --feedback average --rocchio 1,1",
        ["--rocchio does not apply to --feedback average"],
    ),
    "unread_documents": (f"{EVALUATE} --documents documents.tsv", ["--documents", "without --reformulator"]),
    "nothing_to_encode": (
        f"{EVALUATE} --feedback none --first_run first.run --model retriever",
        ["--model does not apply to an evaluation of --first_run without feedback"],
    ),
    "no_queries": ("retrieve search --index index", ["--queries is missing"]),
    "both": (f"{SEARCH} --documents documents.tsv", ["--index", "--documents"]),
    "no_index": (SEARCH.replace("--index index", "--index nowhere"), ["nowhere: contains no index", "retrieve index"]),
    "k": (f"{SEARCH} --k 0", ["--k must be >= 1, got 0"]),
    "exists": (SEARCH.replace("out.run", "qrels.txt"), ["qrels.txt exists already"]),
    "no_qrels": ("retrieve evaluate --index index --queries queries.tsv", ["--qrels is missing"]),
    "method": (f"{EVALUATE} --feedback none,rochio", ["--feedback 'rochio' is unknown", "none, average, rocchio"]),
    "taken": (f"{EVALUATE} --run_files average.run", ["average.run: a method is also called average; rename the file"]),
    "sizes": (f"{EVALUATE} --feedback_passages 1,two", ["--feedback_passages must be whole numbers", "'1,two'"]),
    "too_much_feedback": (f"{EVALUATE} --feedback_passages 41", ["--feedback_passages 41", "40 documents"]),
    "level": (f"{EVALUATE} --relevance_level 4", ["--relevance_level 4", "choose a lower one"]),
    "unknown_document": (
        EVALUATE.replace("qrels.txt", "strange.txt"),
        ["strange.txt", "'d99'", "--partial_collection"],
    ),
    "unknown_query": (EVALUATE.replace("qrels.txt", "other.txt"), ["other.txt", "'q9'", "queries.tsv"]),
    "run_columns": (f"{EVALUATE} --run_files queries.tsv", ["queries.tsv, line 1", "6 columns"]),
    "same_run": (f"{EVALUATE} --run_files a.run,./a.run", ["--run_files a.run", "another file is also called a"]),
    "run_of_others": (f"{EVALUATE} --run_files b.run", ["b.run: has none of the 3 judged queries"]),
    "no_run": (f"{EVALUATE} --run_files nowhere.run", ["nowhere.run: cannot be read"]),
    "empty_query": (EVALUATE.replace("queries.tsv", "empty.tsv"), ["empty.tsv, line 1", "'q1' is empty"]),
    "duplicate": (INDEX.replace("documents.tsv", "twice.tsv"), ["twice.tsv, line 2", "'d1'", "also on line 1"]),
    "other_model": (f"{SEARCH} --model made/retriever", ["built with another model", "--model"]),
    "unknown_word": ("retrieve teach", ["retrieve needs a second word", "choose from retrieve index, retrieve search"]),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_mistakes_are_one_line_and_write_nothing(fault, indexed, cmploss, contents):
    command, words = FAULTY[fault]
    (indexed / "strange.txt").write_text("q1 0 d99 1\n")
    (indexed / "a.run").write_text("q1 Q0 d1 1 1.0 x\n")
    (indexed / "b.run").write_text("q8 Q0 d1 1 1.0 x\n")
    (indexed / "average.run").write_text("q1 Q0 d1 1 1.0 x\n")
    (indexed / "other.txt").write_text("q9 0 d1 1\n")
    (indexed / "empty.tsv").write_text("q1\t \n")
    (indexed / "twice.tsv").write_text("d1\ta\nd1\tb\n")
    if fault == "other_model":
        save_retriever(indexed / "made", pooling="cls")
    before = contents()
    status, out, error = cmploss(command)
    assert (status, out, error.strip().count("\n")) == (2, "", 0)
    assert [word for word in words if word not in error] == []
    assert contents() == before
