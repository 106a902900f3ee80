"""Damaged files for every reader: each must be read, or refused in one line.

Valid files are cut, spliced, repeated, and filled with bytes and words that mean something to some reader. Anything but
a result or a ``UserError`` of one line is a finding.

    python benchmarks/fuzz_readers.py --inputs 1000000 --seed 0
"""

import argparse
import gzip
import io
import json
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cmploss.errors import UserError
from cmploss.experiment import Benchmark, Condition, RunRecord, Score, read_record, write_record
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.options import as_arguments, read_yaml
from cmploss.retrieval import Texts, load_index, read_documents, read_qrels, read_queries, read_run
from cmploss.retrieval.vector_files import read_vectors
from cmploss.tasks.catalog import Columns
from cmploss.tasks.qa.question_files import read_questions, read_segments
from cmploss.tasks.qa.reader_config import FILE, ReaderConfig
from cmploss.tasks.text.columns import own_columns
from cmploss.tasks.text.labelled_texts import class_names
from cmploss.tasks.text.table_files import read_table

TWO = Texts("texts", ["a", "b"], ["x", "y"])


def table(path: Path) -> object:
    found = read_table(path)
    columns: Columns = own_columns(found, None, None)
    return class_names(found, columns)


ENTRY = {"kind": "dense", "documents": 2, "width": 2, "encoded": 2, "model": "m", "settings": {}}


def array(vectors: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, vectors)
    return file.getvalue()


QUESTION = {
    "id": "1",
    "question": "Who?",
    "segments": [{"text": "Ann did it.", "title": "Deed", "evidence": True}],
    "answers": [{"text": "Ann", "segment": 0, "start": 0}],
}
SQUAD_ROW = {
    "id": "1",
    "context": "Ann did it.",
    "question": "Who?",
    "answers": {"text": ["Ann"], "answer_start": [0]},
    "title": "Deed",
}
SQUAD = {
    "data": [
        {
            "title": "Deed",
            "paragraphs": [
                {
                    "context": "Ann did it.",
                    "qas": [{"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}],
                }
            ],
        }
    ]
}
HOTPOT = [
    {
        "_id": "1",
        "question": "Who?",
        "answer": "Ann",
        "supporting_facts": [["Deed", 0]],
        "context": [["Deed", ["Ann did it.", " So."]], ["Other", ["No."]]],
    }
]


def record() -> bytes:
    scores = [Score("test", "accuracy", 80.0), Score("test", "accuracy", 75.0, {"dropout_power": 1})]
    objective = {"name": "supervised", "kind": "supervised", "settings": {}, "source": None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json"
        write_record(RunRecord(Benchmark("x", "accuracy", "test"), Condition(), objective, 0, scores=scores), path)
        return path.read_bytes()


def text(value: object) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode()


Reader = tuple[str, Callable[[Path], object], Sequence[bytes]]
READERS: dict[str, Reader] = {
    "csv": ("f.csv", table, [text('text,label\nlamp,bad\n"a, b",good\nc,bad\n'), text("text,label\na,1\nb,2\n")]),
    "tsv": ("f.tsv", table, [text("text\tlabel\nlamp\tbad\nhub\tgood\n")]),
    "json lines": ("f.jsonl", table, [text('{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n')]),
    "questions": ("f.json", read_questions, [text(each) for each in (SQUAD, HOTPOT, SQUAD_ROW, [QUESTION])]),
    "segments": ("f.json", read_segments, [text([QUESTION, {**QUESTION, "id": "2", "answers": []}])]),
    "documents": (
        "f",
        read_documents,
        [
            text('{"_id": "a", "title": "T", "text": "x"}\n{"id": 7, "contents": "y"}\n'),
            text("<DOC>\n<DOCNO>a</DOCNO>\nx &amp; y\n</DOC>\n<doc><docno>b</docno>z</doc>\n"),
            text(".I 1\n.T\nx\n.W\ny\n.I 2\n.W\nz\n"),
            text("id\ttext\na\tx\nb\ty\n"),
            gzip.compress(b"a\tx\nb\ty\n"),
        ],
    ),
    "queries": ("f", read_queries, [text('<topic number="5"><query>x</query></topic>\n'), text("a\tx\nb\ty\n")]),
    "judgements": ("f", read_qrels, [text("1 0 a 2\n1 0 b 0\n"), text("query-id\tcorpus-id\tscore\n1\ta\t2\n")]),
    "grades": ("f", lambda path: read_qrels(path, "grades"), [text("1 a 2\n2 b 0\n")]),
    "codes": ("f", lambda path: read_qrels(path, "cranfield"), [text("1 a 2\n2 b -1\n")]),
    "pairs": ("f", lambda path: read_qrels(path, "pairs"), [text("1 a 0 0.000\n2 b\n")]),
    "run": ("f", read_run, [text("1 Q0 a 1 9.5 x\n1 Q0 b 2 1e-3 x\n")]),
    "ranks": ("f", lambda path: read_run(path, "ranks"), [text("1\ta\t1\n1\tb\t2\n")]),
    "vectors of json": (
        "f.jsonl",
        lambda path: read_vectors(path, TWO, {"x": 0, "y": 1}),
        [
            text('{"id": "a", "vector": [1, 2]}\n{"id": "b", "vector": [3, 4.5]}\n'),
            text('{"id": "a", "vector": {"x": 1}}\n{"id": "b", "vector": {}}\n'),
        ],
    ),
    "vectors of numpy": ("f.npy", lambda path: read_vectors(path, TWO), [array(np.ones((2, 2), np.float32))]),
    "yaml": ("f.yaml", lambda path: as_arguments(read_yaml(path)), [text("task: x\nseeds: 3\nobjectives: [a, b]\n")]),
    "objective": (
        "f",
        lambda path: ObjectiveSpec.parse(path.read_text("utf-8", "replace")),
        [text("comparative+scl(weight=0.5)"), text("wide=comparative(n_drop=3,n_crop=1)")],
    ),
    "reader.json": (FILE, lambda path: ReaderConfig.load(path.parent), [text(asdict(ReaderConfig()))]),
    "record": ("record.json", read_record, [record()]),
    "index": ("index.json", lambda path: load_index(path.parent), [text(ENTRY)]),
}
WORDS = [
    *(word.encode() for word in ("null", "true", "NaN", "1e999", "-1", "0", "99999999999999999999", "[" * 3000)),
    *(word.encode() for word in ("[]", "{}", '"', "\\ud800", "\\u0000", "é", "\u2028", "\ufeff", "(", ")", "+", "=")),
    *(
        word.encode()
        for word in ("\n", "\r", "\t", " ", ",", ":", ".I 1\n", "<DOC>", "</DOC>", "<!--", "&", "!!python/")
    ),
    *(word.encode() for word in ("id", "text", "label", "answers", "data", "context", "*a", "&a ", "schema")),
    *(b"\xff", b"\x00", b"\x1f\x8b", b"\xed\xa0\x80"),
]


def damaged(seed: bytes, draw: random.Random) -> bytes:
    """A valid file with one to four changes."""
    data = seed
    for _ in range(draw.randint(1, 4)):
        start = draw.randint(0, len(data))
        stop = min(len(data), start + draw.choice((0, 0, 1, 1, 2, 5, 20)))
        new = draw.choice(
            (b"", draw.choice(WORDS), bytes([draw.randrange(256)]), data[stop : stop + 30] * 2, data[:start])
        )
        data = data[:start] + new + data[stop:]
    return data[:20_000]


def finding(name: str, content: bytes, folder: Path) -> str | None:
    """What is wrong with the answer of a reader to a file, or None."""
    file, read, _ = READERS[name]
    path = folder / file
    path.write_bytes(content)
    try:
        read(path)
    except UserError as error:
        return (
            None if "\n" not in str(error) and len(str(error)) < 2000 else f"a message of {len(str(error))} characters"
        )
    except Exception:
        return traceback.format_exc()
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="for the files; by default a temporary one")
    options = parser.parse_args(arguments)
    draw, names = random.Random(options.seed), list(READERS)
    found: dict[str, tuple[str, bytes]] = {}
    counts: Counter[str] = Counter()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for number in range(options.inputs):
            name = names[number % len(names)]
            content = damaged(draw.choice(READERS[name][2]), draw)
            fault = finding(name, content, Path(folder))
            counts[name] += 1
            if fault is not None:
                last = fault.strip().splitlines()[-1][:150]
                if (key := f"{name}: {last}") not in found:
                    found[key] = fault, content
                    print(f"FINDING {key}\n{fault}\n{content[:300]!r}", flush=True)
            if (number + 1) % 50_000 == 0:
                print(f"{number + 1} inputs, {time.perf_counter() - start:.0f} s, {len(found)} findings", flush=True)
    print(f"{options.inputs} inputs, {len(names)} readers, {len(found)} findings; {dict(counts)}")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
