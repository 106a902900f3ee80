"""Every form of collection and queries, read to the same texts, and what is said of those that are wrong."""

import pytest

from cmploss.errors import UserError
from cmploss.retrieval import Texts, read_documents, read_queries

DOCUMENTS = {
    "json": (
        '{"_id": "a", "title": "Wings", "text": "lift of wings", "metadata": {}}\n\n'
        '{"id": 7, "contents": "a\\u2028b"}\n{"_id": "c", "title": "", "text": ""}\n',
        [("a", "Wings lift of wings"), ("7", "a\u2028b"), ("c", "")],
    ),
    "tsv": ("a\tlift of wings \n7\tdrag\n", [("a", "lift of wings"), ("7", "drag")]),
    "tsv_with_header": ("docid\ttext\na\tlift of wings\n", [("a", "lift of wings")]),
    "trec_on_one_line": (
        "<doc><docno>a</docno>x &amp; y</doc> <doc>\n<docno>7</docno><!-- of 1999 -->\n"
        "if a < b and c > d <F P=102>z</F></doc>\n",
        [("a", "x & y"), ("7", "if a < b and c > d z")],
    ),
    "title_that_starts_the_text_by_its_letters": (
        '{"id": "a", "title": "Lens", "text": "Lenses are made"}\n{"id": "b", "title": "Lens", "text": "Lens, made"}\n',
        [("a", "Lens Lenses are made"), ("b", "Lens, made")],
    ),
    "trec": (
        "<DOC>\n<DOCNO> a </DOCNO>\n<TEXT>lift\n of  wings</TEXT>\n</DOC>\n<DOC>\n<DOCNO>7</DOCNO>\ndrag\n</DOC>\n",
        [("a", "lift of wings"), ("7", "drag")],
    ),
    "smart": (
        ".I 1\n.T\nwings of\nplanes\n.A\nme\n.W\nwings of\nplanes lift\n.I 3\n.T\ndrag\n.W\nof air\n.I 4\n.T\n.W\n",
        [("1", "wings of planes lift"), ("3", "drag of air"), ("4", "")],
    ),
}
QUERIES = {
    "json": ('{"_id": "q1", "text": "what is lift"}\n', [("q1", "what is lift")]),
    "tsv": ("\ufeffq1\twhat is lift\r\nq2\twhy\r\n", [("q1", "what is lift"), ("q2", "why")]),
    "trec": (
        "<top>\n<num> Number: 301\n<title> what is\nlift\n<desc> Description:\nsay it\n</top>\n"
        "<top>\n<num>2</num><title>\nWHY\n</title>\n</top>\n",
        [("301", "what is lift"), ("2", "WHY")],
    ),
    "topics": (
        '<topics task="x">\n<topic number="5">\n<query>why &lt; now</query>\n<question>no</question>\n</topic>\n'
        "<topic id='6'><title>lift</title></topic></topics>\n",
        [("5", "why < now"), ("6", "lift")],
    ),
    "smart_with_an_end": (".I 01\n.W\nwhat is\n.N\n1. me\n.I 0\n", [("1", "what is")]),
    "smart": (".I 001\n.W\nwhat is\nlift\n.I 004\nno section\n.W\nwhy\n", [("1", "what is lift"), ("2", "why")]),
}
FAULTS = {
    "missing": (None, ["file: cannot be read", "No such file"]),
    "empty": ("\n \n", ["file: is empty"]),
    "no_form": ("what is lift\n", ["file, line 1", "'what is lift'", "TREC", "SMART"]),
    "not_utf8": (b"a\tb\nc\t\xe9\n", ["file, line 2", "UTF-8"]),
    "not_json": ('{"_id": "a", "text": "b"}\n{"_id"\n', ["file, line 2", "not JSON"]),
    "no_object": ('{"_id": "a", "text": "b"}\n["_id", "text"]\n', ["file, line 2", "not a JSON object"]),
    "no_text": ('{"_id": "a", "body": "b"}\n', ["file, line 1", "'_id' and 'text'", "_id, body"]),
    "three_fields": ("a\tb\nc\td\te\n", ["file, line 2", "expected 2 fields", "found 3"]),
    "null": ('{"_id": "a", "text": null}\n', ["file, line 1", "'text' is null", "string"]),
    "null_id": ('{"_id": null, "text": "b"}\n', ["file, line 1", "'_id' is null"]),
    "list": ('{"_id": "a", "text": ["b"]}\n', ["file, line 1", "'text' is [\"b\"]"]),
    "title_is_a_number": ('{"_id": "a", "title": 3, "text": "b"}\n', ["file, line 1", "'title' is 3"]),
    "surrogate": ('{"_id": "a", "text": "b \\ud800"}\n', ["file, line 1", "surrogate"]),
    "deep": ("[" * 9 + '{"_id": ' + "[" * 100_000 + "\n", ["file, line 1"]),
    "deep_object": ('{"_id": ' + "[" * 100_000 + "\n", ["file, line 1", "nested too deeply"]),
    "key_twice": ('{"_id": "a", "text": "b", "text": "c"}\n', ["file, line 1", "the key 'text' twice"]),
    "words_outside": ("<DOC>\n<DOCNO>1</DOCNO>\n</DOC>\nlost words\n", ["file, line 4", "'lost words' is outside"]),
    "opened_twice": ("<DOC>\n<DOCNO>1</DOCNO>\n<DOC>\n<DOCNO>2</DOCNO>\n</DOC>\n", ["file, line 1", "not closed"]),
    "duplicate": ("a\tb\nc\td\na\te\n", ["file, line 3", "'a'", "also on line 1"]),
    "no_id": ("a\tb\n\tc\n", ["file, line 2", "''"]),
    "white_space": ("a\tb\nc d\te\n", ["file, line 2", "'c d'", "white space"]),
    "no_docno": ("<DOC>\ntext\n</DOC>\n", ["file, line 1", "<DOCNO>"]),
    "no_end": ("<DOC>\n<DOCNO>1</DOCNO>\n</DOC>\n<DOC>\n<DOCNO>2</DOCNO>\n", ["file, line 4", "not closed"]),
}


def written(folder, content, name="file"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


@pytest.mark.parametrize("form", DOCUMENTS)
def test_documents_of_every_form(form, tmp_path):
    content, expected = DOCUMENTS[form]
    found = read_documents(written(tmp_path, content))
    assert list(zip(found.ids, found.texts, strict=True)) == expected


@pytest.mark.parametrize("form", QUERIES)
def test_queries_of_every_form(form, tmp_path):
    content, expected = QUERIES[form]
    found = read_queries(written(tmp_path, content))
    assert list(zip(found.ids, found.texts, strict=True)) == expected


def test_a_beir_folder_has_both(tmp_path):
    written(tmp_path, DOCUMENTS["json"][0], "corpus.jsonl")
    written(tmp_path, QUERIES["json"][0], "queries.jsonl")
    assert read_documents(tmp_path).ids == ["a", "7", "c"]
    assert read_queries(tmp_path).ids == ["q1"]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_said_in_one_line(fault, tmp_path):
    content, words = FAULTS[fault]
    path = tmp_path / "file" if content is None else written(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read_documents(path)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "\n" not in str(caught.value)


def test_an_empty_query_is_refused_and_an_empty_document_is_not(tmp_path):
    path = written(tmp_path, "a\tb\nc\t \n")
    assert read_documents(path).texts == ["b", ""]
    with pytest.raises(UserError, match=r"line 2: query 'c' is empty"):
        read_queries(path)


def test_only_keeps_the_order_asked_for():
    texts = Texts("x", ["a", "b", "c"], ["1", "2", "3"])
    assert texts.only(["c", "a"]) == Texts("x", ["c", "a"], ["3", "1"])
