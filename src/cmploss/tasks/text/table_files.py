"""Reading CSV, TSV, JSON lines and Parquet files; errors name the line."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from cmploss.errors import UserError
from cmploss.json_text import parse_json
from cmploss.tasks.data_tables import Table, check_unique, columns_of, listed, shown

BOM = b"\xef\xbb\xbf"
csv.field_size_limit(2**31 - 1)  # of the module: 131,072 characters
SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


def read_table(path: Path, *, benchmark: bool = False, positions: Sequence[str] = ()) -> Table:
    """Read a file of examples; the suffix is .csv, .tsv, .jsonl, .json (JSON lines) or .parquet.

    Text is UTF-8 with or without a byte order mark; quoted fields of CSV and TSV may span lines.
    """
    suffix, source = path.suffix.lower(), str(path)
    known = (*SUFFIXES, ".txt") if benchmark else SUFFIXES
    if suffix not in known:
        raise UserError(f"{source}: unsupported file type {path.suffix!r}; use one of {', '.join(known)}")
    data = _bytes(path)
    if suffix == ".parquet":
        return _parquet(source, data)
    text = _decoded(source, data)
    if suffix in (".jsonl", ".json"):
        rows, lines = json_lines(source, text)
        return Table(source, columns_of(rows), lines, "line")
    if suffix == ".csv":
        return _delimited(source, text, ",", csv.QUOTE_MINIMAL, positions)
    return _delimited(source, text, "\t", csv.QUOTE_NONE if benchmark else csv.QUOTE_MINIMAL, positions)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file that is not empty, without a byte order mark."""
    return _decoded(str(path), _bytes(path))


def json_lines(source: str, text: str) -> tuple[list[dict[str, Any]], list[int]]:
    """The objects of JSON lines, and the line of each; blank lines are skipped."""
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, content in enumerate(text.split("\n"), 1):  # not splitlines: JSON strings may contain its other line ends
        if not content.strip():
            continue
        row = parse_json(content, source, line)
        if not isinstance(row, dict):
            raise UserError(f"{source}, line {line}: {shown(row)} is not an object; write one object per line")
        rows.append(row)
        lines.append(line)
    return rows, lines


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes().removeprefix(BOM)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not data.strip():
        raise UserError(f"{path}: is empty; give examples, with a header line in CSV and TSV")
    return data


def _decoded(source: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UserError(f"{source}: is UTF-16; save it as UTF-8 (in Excel: CSV UTF-8)") from error
        byte = data[error.start]
        raise UserError(f"{source}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error


def _delimited(source: str, text: str, delimiter: str, quoting: Literal[0, 3], positions: Sequence[str]) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1  # a quoted field may span lines: report the line where its row starts
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        reason = str(error).replace("\t", "\\t")
        remedy = 'close the quote (") or write it twice inside a quoted field'
        raise UserError(f"{source}, line {start}: the quoting is broken ({reason}); {remedy}") from error
    header = not positions or any(name in rows[0] for name in positions)
    names = rows[0] if header else positions
    rows, lines = rows[header:], lines[header:]
    check_unique(source, names)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(names):
            if len(names) == 1 and other_separator(names[0]):
                raise UserError(f"{source}: {SEPARATOR} {other_separator(names[0])!r}; write {delimiter!r}")
            expected = f"{len(names)} fields ({listed(names)})"
            raise UserError(f"{source}, line {line}: expected {expected}, found {len(row)}; fix or remove the line")
    return Table(source, {name: [row[i] for row in rows] for i, name in enumerate(names)}, lines, "line")


SEPARATOR = "the separator of its columns looks like"


def other_separator(name: str) -> str | None:
    """What separates the names in a header that was read as one name."""
    return next((sign for sign in (";", "\t", "|", ",") if sign in name), None)


def _parquet(source: str, data: bytes) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read()
        check_unique(source, table.column_names)
        return Table(source, table.to_pydict(), range(1, table.num_rows + 1))
    except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:  # also dates out of range
        reason = str(error).partition("\n")[0]
        raise UserError(f"{source}: is not a readable Parquet file ({reason})") from error
