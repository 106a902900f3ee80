import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cmploss.errors import UserError
from cmploss.tasks.text.table_files import read_table


def table_of_bytes(folder, name, content, **options):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)


def test_every_form_gives_the_same_columns(tmp_path):
    columns = {"text": ["one", 'said "two"'], "label": ["a", "b"]}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    pd.DataFrame(columns).to_parquet(tmp_path / "d.parquet")
    tables = [
        table_of_bytes(tmp_path, "d.csv", 'text,label\none,a\n"said ""two""",b\n'),
        table_of_bytes(tmp_path, "d.TSV", 'text\tlabel\r\none\ta\r\nsaid "two"\tb\r\n'),
        table_of_bytes(tmp_path, "d.jsonl", lines),
        table_of_bytes(tmp_path, "d.json", lines),
        read_table(tmp_path / "d.parquet"),
    ]
    assert [table.columns for table in tables] == [columns] * 5


@pytest.mark.parametrize("name", ["d.csv", "d.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_data(tmp_path, name):
    content = "text,label\na,b\n" if name == "d.csv" else '{"text": "a", "label": "b"}\n'
    assert list(table_of_bytes(tmp_path, name, b"\xef\xbb\xbf" + content.encode()).columns) == ["text", "label"]


def test_quoted_fields_span_lines_and_rows_are_named_by_their_first_line(tmp_path):
    table = table_of_bytes(tmp_path, "d.csv", 'text,label\n"one\nand more, still one",a\n\ntwo,b\n')
    assert table.columns == {"text": ["one\nand more, still one", "two"], "label": ["a", "b"]}
    assert list(table.numbers) == [2, 5]  # the row after the two quoted lines and a blank one
    assert str(table.fault(1, "label", "…")).endswith("line 5, column 'label': …")


def test_a_field_may_be_long(tmp_path):
    text = "x" * 140_000
    assert table_of_bytes(tmp_path, "d.csv", f"text,label\n{text},a\n").columns["text"] == [text]


def test_quotes_of_benchmark_files_are_characters_but_not_in_csv(tmp_path):
    content = 'sentence\tlabel\n"open quote\t0\nend" it\t1\n'
    for name in ("d.tsv", "d.txt"):
        assert table_of_bytes(tmp_path, name, content, benchmark=True).columns["sentence"] == ['"open quote', 'end" it']
    quoted = table_of_bytes(tmp_path, "d.csv", 'sentence,label\n"a, b",0\n', benchmark=True)
    assert quoted.columns["sentence"] == ["a, b"]


def test_positions_name_the_columns_only_where_the_first_line_is_data(tmp_path):
    positions = ("source", "label", "mark", "sentence")
    headless = table_of_bytes(tmp_path, "a.tsv", "x\t1\t*\tHe goes.\n", positions=positions)
    headed = table_of_bytes(tmp_path, "b.tsv", "sentence\tlabel\nHe goes.\t1\n", positions=positions)
    assert headless.columns["sentence"] == headed.columns["sentence"] == ["He goes."]
    assert list(headless.numbers) == [1]
    assert list(headed.numbers) == [2]


def test_line_ends_inside_json_strings_do_not_end_the_line(tmp_path):
    table = table_of_bytes(tmp_path, "d.jsonl", '{"text": "a\u2028b", "label": 1}\r\n\n{"text": "c"}\n')
    assert table.columns == {"text": ["a\u2028b", "c"], "label": [1, None]}
    assert list(table.numbers) == [1, 3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", "", "d.csv: is empty"),
        ("d.jsonl", "\n \n", "d.jsonl: is empty"),
        ("d.csv", "text,label\n", "d.csv: has no rows of data"),
        ("d.csv", b"text,label\none,a\nna\xefve,b\n", "d.csv, line 3: byte 0xef is not UTF-8; save the file as UTF-8"),
        ("d.csv", b"\xff\xfet\x00e\x00", "d.csv: is UTF-16; save it as UTF-8"),
        ("d.csv", b"\xfft", "d.csv, line 1: byte 0xff is not UTF-8"),
        ("d.csv", "text,label\none,a,b\n", r"d.csv, line 2: expected 2 fields \('text', 'label'\), found 3"),
        ("d.tsv", "text\tlabel\none\ta\ntwo\n", "d.tsv, line 3: expected 2 fields .*, found 1; fix or remove"),
        ("d.csv", 'text,label\none,a\n"two,b\nthree,c\n', "d.csv, line 3: the quoting is broken"),
        ("d.tsv", 'text\tlabel\n"two" b\tc\n', r"d.tsv, line 2: the quoting is broken \('\\t' expected"),
        ("d.csv", "text,label\n" + '"' + "x" * 140_000, "d.csv, line 2: the quoting is broken .unexpected end"),
        ("d.csv", "text,text\none,a\n", "d.csv: two columns are called 'text'; rename"),
        ("d.jsonl", '{"text": "a"}\n{"text": \n', "d.jsonl, line 2: is not JSON .*one object per line"),
        ("d.json", '[{"text": "a", "label": "b"}]\n', "d.json, line 1: .* is not an object; write one object per line"),
        ("d.jsonl", "[" * 100_000 + "\n", "d.jsonl, line 1: is nested too deeply"),
        ("d.parquet", "text,label\none,a\n", "d.parquet: is not a readable Parquet file"),
        ("d.xlsx", "PK", "d.xlsx: unsupported file type '.xlsx'; use one of .csv, .tsv"),
        ("d.txt", "text\tlabel\none\ta\n", "d.txt: unsupported file type '.txt'"),
    ],
)
def test_faults_name_the_place_on_one_line(tmp_path, name, content, message):
    with pytest.raises(UserError, match=message) as error:
        table_of_bytes(tmp_path, name, content)
    assert "\n" not in str(error.value)


def test_a_path_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.csv: cannot be read \(No such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match=r"folder.csv: cannot be read"):
        read_table(tmp_path / "folder.csv")


def test_two_parquet_columns_of_one_name(tmp_path):
    pq.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), tmp_path / "d.parquet")
    with pytest.raises(UserError, match=r"d.parquet: two columns are called 'text'"):
        read_table(tmp_path / "d.parquet")


def test_an_empty_parquet_file_has_no_rows(tmp_path):
    pd.DataFrame({"text": [], "label": []}).to_parquet(tmp_path / "d.parquet")
    with pytest.raises(UserError, match=r"d.parquet: has no rows"):
        read_table(tmp_path / "d.parquet")


def test_a_date_that_python_lacks_is_a_fault_of_the_file(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "at": pa.array([2**61], pa.timestamp("us"))}), tmp_path / "d.parquet")
    with pytest.raises(UserError, match=r"d.parquet: is not a readable Parquet file \(.*out of range"):
        read_table(tmp_path / "d.parquet")
