"""Documents and queries: BEIR, TREC, SMART and tab-separated files, recognised by their first line."""

import gzip
import hashlib
import html
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cmploss.errors import UserError
from cmploss.json_text import parse_json

Lines = Iterable[tuple[int, str]]
ID_NAMES = ("id", "_id", "docid", "doc_id", "docno", "pid", "qid", "query_id", "query-id", "corpus-id")
TEXT_NAMES = ("text", "contents", "content", "passage", "document", "query", "question", "title")
MARK = re.compile(r"(</?(?:DOC|topic|top)(?:\s[^>]*)?>)", re.IGNORECASE)
ATTRIBUTE = r"""\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+)"""
TAG = re.compile(rf"<!--.*?-->|</?[A-Za-z][\w:.-]*(?:{ATTRIBUTE})*\s*/?>", re.DOTALL)
"""A tag with its attributes, or a comment, but not ``a < b and c > d``."""
SURROGATE = re.compile("[\ud800-\udfff]")
Entry = tuple[int, str, str]
"""The line where an entry starts, its id, its text."""


@dataclass(frozen=True)
class Texts:
    """Documents or queries, each with an id; ids have no white space and are all different."""

    source: str
    ids: list[str]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, ids: Iterable[str]) -> "Texts":
        """The texts with the given ids, in that order."""
        text_of = dict(zip(self.ids, self.texts, strict=True))
        chosen = list(ids)
        return Texts(self.source, chosen, [text_of[key] for key in chosen])


def read_documents(path: str | Path) -> Texts:
    """Read a collection: a BEIR folder, JSON lines, TREC ``<DOC>``, SMART ``.I``, or ``id TAB text``.

    A title is put before its text, with a space between, unless the text repeats it (Cranfield). JSON objects have
    ``_id`` or ``id``, ``text`` or ``contents``, and optionally ``title``. A document may be empty. Files may
    be gzipped.
    """
    file = Path(path) / "corpus.jsonl" if Path(path).is_dir() else Path(path)
    return _checked(file, _entries(file, numbered=False), "documents")


def read_queries(path: str | Path) -> Texts:
    """Read queries: a BEIR folder, JSON lines, TREC ``<top>`` or ``<topic>``, SMART ``.I``, or ``id TAB text``.

    SMART queries are numbered 1, 2, … in the order of the file, because SMART judgements refer to these numbers and not
    to the printed ids (in Cranfield the two differ). The query of a TREC topic is its title, or its ``<query>``. No
    query may be empty.
    """
    file = Path(path) / "queries.jsonl" if Path(path).is_dir() else Path(path)
    return _checked(file, _entries(file, numbered=True), "queries")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file that are not blank, each with its number from 1, without its end; gzip is unpacked."""
    empty = True
    try:
        with path.open("rb") as start:
            packed = start.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise UserError(f"{path}, line {number}: is not UTF-8; save the file as UTF-8") from error
                if text.strip():
                    empty = False
                    yield number, text.rstrip("\r\n")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: is a damaged gzip file; download it again") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if empty:
        raise UserError(f"{path}: is empty")


def _entries(path: Path, *, numbered: bool) -> Iterator[Entry]:
    _, first = next(numbered_lines(path))
    for prefix, read in FORMS.items():
        if first.startswith(prefix):
            entries = read(path, numbered_lines(path))
            if numbered and read is _smart:
                return ((line, str(count), text) for count, (line, _, text) in enumerate(entries, 1))
            return entries
    if "\t" not in first:
        raise UserError(
            f"{path}, line 1: {first[:40]!r} does not start a known format; give JSON lines, TREC (<DOC> or <top>), "
            "SMART (.I) or id TAB text"
        )
    return _tabbed(path, numbered_lines(path))


def _json(path: Path, lines: Lines) -> Iterator[Entry]:
    for line, content in lines:
        row = parse_json(content, str(path), line)
        if not isinstance(row, dict):
            raise UserError(f"{path}, line {line}: is not a JSON object; write one object per line")
        key = next((name for name in ("_id", "id") if name in row), None)
        text = next((name for name in ("text", "contents") if name in row), None)
        if key is None or text is None:
            raise UserError(f"{path}, line {line}: the object needs '_id' and 'text', and has {', '.join(row)}")
        title = row.get("title") or ""
        for name, value, kinds in ((key, row[key], (str, int)), (text, row[text], str), ("title", title, str)):
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise UserError(f"{path}, line {line}: {name!r} is {json.dumps(value)[:40]}; write a string")
        yield line, str(row[key]), _titled(title, row[text])


def _tabbed(path: Path, lines: Lines) -> Iterator[Entry]:
    for line, content in lines:
        fields = content.split("\t")
        if line == 1 and len(fields) == 2 and fields[0].lower() in ID_NAMES and fields[1].strip().lower() in TEXT_NAMES:
            continue  # a header
        if len(fields) != 2:
            raise UserError(f"{path}, line {line}: expected 2 fields (id, text), found {len(fields)}")
        yield line, fields[0], fields[1].strip()


def _smart(path: Path, lines: Lines) -> Iterator[Entry]:
    start, key = 0, ""
    fields: dict[str, list[str]] = {}
    section: list[str] = []

    def entry() -> Entry:
        title, text = (_one_line(" ".join(fields.get(name, []))) for name in ("T", "W"))
        return start, key, _titled(title, text)

    for line, content in lines:
        if content.startswith(".I"):
            if start:
                yield entry()
            start, key, fields, section = line, content[2:].strip(), {}, []
        elif re.fullmatch(r"\.[A-Z]\s*", content):
            section = fields.setdefault(content[1], [])
        else:
            section.append(content)
    if fields or key != "0":  # the queries of CACM end with .I 0
        yield entry()


def _trec(path: Path, lines: Lines) -> Iterator[Entry]:
    start, tag, block = 0, "", ""
    for line, content in lines:
        for number, piece in enumerate(MARK.split(content + "\n")):
            name = re.sub(r"\W.*", "", piece.strip("</"), flags=re.DOTALL).lower() if number % 2 else ""
            if name and not piece.startswith("</") and tag in ("", name):
                if tag:
                    raise UserError(f"{path}, line {start}: <{tag}> is not closed")
                start, tag, block = line, name, piece
            elif name and name == tag:
                yield start, *_trec_entry(path, start, block)
                tag = ""
            elif tag:
                block += piece
            elif re.sub(r"<[^>]*>", "", piece).strip():
                raise UserError(f"{path}, line {line}: {piece.strip()[:40]!r} is outside of <DOC>, <top> and <topic>")
    if tag:
        raise UserError(f"{path}, line {start}: <{tag}> is not closed")


def _trec_entry(path: Path, line: int, block: str) -> tuple[str, str]:
    opening, _, content = block.partition(">")
    number = re.search(r"<DOCNO>(.*?)</DOCNO>|<num>(?:\s*Number:)?([^<]*)", content, re.DOTALL | re.IGNORECASE)
    attribute = re.search(r"\b(?:number|id)\s*=\s*[\"']?([^\"'\s>]+)", opening, re.IGNORECASE)
    if number is None and attribute is None:
        raise UserError(f"{path}, line {line}: has neither <DOCNO>, <num> nor a number; give each entry its id")
    key = (number[1] or number[2] or "").strip() if number else attribute[1] if attribute else ""
    if not re.match(r"<DOC\b", opening, re.IGNORECASE):
        asked = re.search(r"<(?:title|query)>(?:\s*Topic:)?([^<]*)", content, re.IGNORECASE)
        if asked is not None:
            return key, _one_line(html.unescape(asked[1]))
    return key, _one_line(html.unescape(TAG.sub(" ", content.replace(number[0], "") if number else content)))


def _titled(title: str, text: str) -> str:
    repeated = text.startswith(title) and not text[len(title) :][:1].isalnum()
    return text.strip() if repeated else f"{title} {text}".strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _checked(path: Path, entries: Iterator[Entry], what: str) -> Texts:
    first: dict[str, int] = {}
    texts = []
    for line, key, text in entries:
        if SURROGATE.search(key + text):
            raise UserError(f"{path}, line {line}: has half a surrogate pair; fix or remove it")
        if not key or key.split() != [key]:
            raise UserError(
                f"{path}, line {line}: the id {key!r} is empty or has white space, which no run file can hold"
            )
        if key in first:
            raise UserError(f"{path}, line {line}: the id {key!r} is also on line {first[key]}; ids must differ")
        if what == "queries" and not text:
            raise UserError(f"{path}, line {line}: query {key!r} is empty; give it a text or remove it")
        first[key] = line
        texts.append(text)
    if not first:
        raise UserError(f"{path}: has no {what}; give at least one")
    return Texts(str(path), list(first), texts)


FORMS: dict[str, Callable[[Path, Lines], Iterator[Entry]]] = {"{": _json, "<": _trec, ".I": _smart}
"""How the first line of a file starts -> its reader; other files are tab-separated."""


def file_fingerprint(path: Path) -> str:
    """12 hexadecimal digits of SHA-256 over a file, or over the files of a folder."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    try:
        for each in files:
            with each.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()[:12]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from error
