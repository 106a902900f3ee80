"""Judgements and runs, both ways."""

import gzip

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.retrieval import Texts, check_qrels, read_qrels, read_run, write_qrels, write_run

QRELS = {"q1": {"a": 2, "b": 0}, "q2": {"c": 1}}
FAULTY_QRELS = [
    ("q1 0 a 1\nq1 b\n", ["line 2", "found 2"]),
    ("q1 0 a 1 x\n", ["line 1", "expected the columns query, 0, document, grade", "found 5"]),
    ("q1 0 a 1\nq1 0 b high\n", ["line 2", "'high'", "expected a whole number"]),
    ("1 184 2\n1 29 1\n", ["line 1", "3 columns without the header", "--qrels_form grades", "cranfield"]),
    ("01 1410 0 0\n", ["line 1", "0 in place of the document", "--qrels_form pairs"]),
    ("1 28 0 0.000000\n", ["line 1", "0 in place of the document", "--qrels_form pairs"]),
    ("q1 0 a 99999999999\n", ["line 1", "'99999999999'", "whole number"]),
    ("q1 0 a 1\nq1 0 a 1\n", ["line 2", "'a'", "'q1'", "twice"]),
    ("query-id\tcorpus-id\tscore\nq1\ta\n", ["line 2", "query-id, corpus-id, score", "found 2"]),
]
FAULTY_RUNS = [
    ("q1\ta\t1\n", ["line 1", "expected 6 columns (query, Q0, document, rank, score, tag)", "found 3"]),
    ("q1\ta\t1\n", ["line 1", "--run_form ranks"]),
    ("q1 Q0 a 1 2.0 x\nq1 Q0 b 2 first x\n", ["line 2", "'first'", "column 5"]),
    ("q1 Q0 a 1 nan x\n", ["line 1", "'nan'", "column 5"]),
    ("q1 Q0 a 1 inf x\n", ["line 1", "'inf'", "column 5"]),
    ("q1 Q0 a 1 2.0 x\nq1 Q0 a 2 1.0 x\n", ["line 2", "'a'", "twice"]),
    ("", ["is empty"]),
]
ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=5)


@pytest.fixture
def written(tmp_path):
    def write(content):
        (tmp_path / "file").write_text(content)
        return tmp_path / "file"

    return write


@pytest.mark.parametrize(
    "content",
    [
        "q1 0 a 2\nq1 0 b 0\nq2 Q0 c 1\n",
        "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tb\t0\nq2\tc\t1\n",
        "query_id doc_id score\nq1 a 2\nq1 b 0\nq2 c 1\n",
    ],
)
def test_forms_of_judgements_that_say_what_they_are(content, written):
    assert read_qrels(written(content)) == QRELS


FORMS = {
    "grades": ("q1 a 2\nq1 b 0\nq2 c 1\n", QRELS),
    "cranfield": ("q1 a 3\nq1 b 5\nq2 c 4 \n", QRELS),  # 5 − 3 = 2, 5 − 5 = 0, 5 − 4 = 1
    "pairs": ("01 1410 0 0\n01 28 0 0.000000\n2 7\n", {"01": {"1410": 1, "28": 1}, "2": {"7": 1}}),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_judgements_that_must_be_named(form, written):
    """Three columns can mean opposite things: no form is guessed from their number."""
    content, expected = FORMS[form]
    assert read_qrels(written(content), form) == expected
    with pytest.raises(UserError, match=r"line 1: .*--qrels_form"):
        read_qrels(written(content))
    with pytest.raises(UserError, match=r"line 1: (expected the columns|invalid grade)"):
        read_qrels(written("q1 0 a 9\n"), form)


def test_a_grade_is_no_code(written):
    with pytest.raises(UserError, match=r"'7', expected a code of 1 to 5"):
        read_qrels(written("1 184 7\n"), "cranfield")


def test_a_run_of_ranks(written):
    assert read_run(written("q1\tb\t2\nq1\ta\t1\n"), "ranks") == {"q1": {"b": 0.5, "a": 1.0}}
    for rank in ("0", "-1", "1.5", "x"):
        with pytest.raises(UserError, match=r"invalid rank .* \(column 3\), expected a whole number"):
            read_run(written(f"q1\tb\t{rank}\n"), "ranks")


def test_files_may_be_gzipped(tmp_path):
    path = tmp_path / "qrels.txt.gz"
    packed = gzip.compress(b"q1 0 a 2\nq1 0 b 0\nq2 0 c 1\n")
    path.write_bytes(packed)
    assert read_qrels(path) == QRELS
    for damaged in (packed[:-9], packed[:12] + b"\0\0\0" + packed[15:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"qrels.txt.gz: is a damaged gzip file"):
            read_qrels(path)


def test_codes_of_smart_give_the_grades_of_the_corrected_trec_form(written):
    """As in Cranfield: codes 1 to 4 and −1 (the source of the question) and spaces at the end; grades of 1 to 5."""
    codes = "1 184 2\n1 29 -1 \n1 31 4\n2 12 3\n2 15 1\n"
    corrected = {"1": {"184": 3, "29": 5, "31": 1}, "2": {"12": 2, "15": 4}}
    assert read_qrels(written(codes), "cranfield") == corrected
    lines = [f"{query} 0 {key} {grade}\n" for query, row in corrected.items() for key, grade in row.items()]
    assert read_qrels(written("".join(lines))) == corrected


@pytest.mark.parametrize(
    ("read", "content", "words"),
    [(read_qrels, *fault) for fault in FAULTY_QRELS] + [(read_run, *fault) for fault in FAULTY_RUNS],
)
def test_faulty_files(read, content, words, written):
    with pytest.raises(UserError) as caught:
        read(written(content))
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_run_of_another_tool(written):
    """Tabs, another second column, ranks from 0, a score with an exponent, lines in no order."""
    run = read_run(written("301\t0\tFT911-3\t1\t1.5e-1\tBM25_b0.4\n301\t0\tFBIS4-1\t0\t14.25\tBM25_b0.4\n"))
    assert run == {"301": {"FT911-3": 0.15, "FBIS4-1": 14.25}}


@given(
    st.dictionaries(
        ids, st.dictionaries(ids, st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1), min_size=1
    )
)
def test_a_run_is_read_as_it_was_written(tmp_path_factory, run):
    path = tmp_path_factory.mktemp("runs") / "x.run"
    write_run(run, path, tag="mine")
    assert read_run(path) == run
    assert path.read_text().splitlines()[0].endswith(" mine")


def test_ranks_count_from_one_and_no_digit_is_lost(tmp_path):
    score = float(np.float32(0.1))
    write_run({"q": {"a": 1.0, "b": score}}, tmp_path / "x.run", tag="t")
    assert (tmp_path / "x.run").read_text() == "q Q0 a 1 1.0 t\nq Q0 b 2 0.10000000149011612 t\n"


@given(st.dictionaries(ids, st.dictionaries(ids, st.integers(-2, 4), min_size=1), min_size=1))
def test_judgements_are_read_as_they_were_written(tmp_path_factory, qrels):
    path = tmp_path_factory.mktemp("qrels") / "qrels.txt"
    write_qrels(qrels, path)
    assert read_qrels(path) == qrels


def test_unknown_queries_and_documents():
    queries = Texts("q.tsv", ["q1", "q2", "q3"], ["x", "y", "z"])
    assert check_qrels(QRELS, "qrels", queries, ["a", "b", "c", "d"]) == QRELS
    with pytest.raises(UserError, match=r"qrels: judges query 'q2', which is not in q.tsv"):
        check_qrels(QRELS, "qrels", queries.only(["q1"]), ["a", "b", "c"])
    with pytest.raises(UserError, match=r"judges 2 documents .* such as 'b'.*--partial_collection"):
        check_qrels(QRELS, "qrels", queries, ["a"])
    assert check_qrels(QRELS, "qrels", queries, ["a"], partial=True) == {"q1": {"a": 2}, "q2": {}}
