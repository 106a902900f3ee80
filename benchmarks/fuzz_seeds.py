"""Valid files for ``fuzz_readers.py``, each with the function that reads it."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.fuzz_folders import (
    folder_of,
    saved,
    text,
    write_checkpoint,
    write_index,
    write_model,
    write_study,
)
from scipy import sparse

from cmploss.experiment import read_record, read_records
from cmploss.experiment.run_dir import check_folder, earlier_seconds
from cmploss.experiment.spec import ObjectiveSpec
from cmploss.models import label_names, load_classifier, load_tokenizer
from cmploss.options import as_arguments, read_yaml
from cmploss.reports.all_formats import report_text
from cmploss.reports.html import read_study
from cmploss.retrieval import Texts, approximate, load_index, read_documents, read_qrels, read_queries, read_run
from cmploss.retrieval.vector_files import read_vectors
from cmploss.studies.hyper_search import trials_in
from cmploss.studies.training_length import pilots_in
from cmploss.tasks.catalog import Columns
from cmploss.tasks.choices.choice_rows import read_choices
from cmploss.tasks.data_config import DataConfig
from cmploss.tasks.qa.question_files import read_questions, read_segments
from cmploss.tasks.qa.reader_config import FILE, ReaderConfig
from cmploss.tasks.tags.tag_rows import open_tags, read_tags
from cmploss.tasks.text.columns import own_columns
from cmploss.tasks.text.labelled_texts import class_names
from cmploss.tasks.text.load_texts import glue_texts, load_data
from cmploss.tasks.text.table_files import read_table
from cmploss.training.checkpoints import newest_whole

TWO = Texts("texts", ["a", "b"], ["x", "y"])


@dataclass(frozen=True)
class Reader:
    """A function that reads ``file``, valid contents of it, and the other files of its folder.

    A slow one takes more than a hundredth of a second, and gets a hundredth of the inputs of the others.
    """

    file: str
    read: Callable[[Path], object]
    seeds: Sequence[bytes]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    slow: bool = False


def in_folder(
    files: Mapping[str, bytes], names: Sequence[str], read: Callable[[Path], object], *, slow: bool = False
) -> dict[str, Reader]:
    """A reader of a folder for each of these files, of which only that one is damaged."""

    def reader(name: str) -> Reader:
        return Reader(name, lambda path: read(path.parents[name.count("/")]), [files[name]], files, slow)

    return {name: reader(name) for name in names}


def table(path: Path) -> object:
    found = read_table(path)
    columns: Columns = own_columns(found, None, None)
    return class_names(found, columns)


def study(folder: Path) -> object:
    found = read_study(folder, read_records(folder))
    return [report_text([found], form) for form in ("html", "md", "latex")]


def classifier(folder: Path) -> object:
    model, tokenizer = load_classifier(str(folder)), load_tokenizer(str(folder))
    return label_names(model), tokenizer("a b")


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


TABLE = {"text": ["a", "b", "c"], "label": ["x", "y", "x"]}
SPLITS = b"text,label\n" + b"".join(b"t%d,%s\n" % (row, b"xy"[row % 2 :][:1]) for row in range(12))
STUDY, MODEL, INDEX = folder_of(write_study), folder_of(write_model), folder_of(write_index)
CHECKPOINT = folder_of(write_checkpoint)
CSR = sparse.csr_matrix(np.eye(2, dtype=np.float32))
VOCABULARY = {"x": 0, "y": 1}
GLUE = {
    "cola": ("train.tsv", "a\t1\t\tHe is.\nb\t0\t*\tHe are.\n" * 6),
    "mrpc": (
        "train.tsv",
        "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n" + '1\t2\t3\tHe "is.\tHe is.\n0\t4\t5\tYes.\tNo.\n' * 6,
    ),
    "stsb": ("train.tsv", "index\tsentence1\tsentence2\tscore\n" + "0\ta\tb\t2.5\n1\tc\td\t0.0\n" * 6),
    "mnli": (
        "train.jsonl",
        '{"premise": "a", "hypothesis": "b", "label": "neutral"}\n' * 6
        + '{"premise": "a", "hypothesis": "c", "label": "entailment"}\n' * 6,
    ),
}
LABELS = ("unacceptable", "acceptable")


def flat_index(path: Path | None = None) -> bytes:
    index = faiss.IndexFlatIP(2)
    index.add(np.eye(2, dtype=np.float32))
    return faiss.serialize_index(index).tobytes()


def parquet() -> bytes:
    return saved(lambda file: pq.write_table(pa.table(TABLE), file))


def task(name: str, folder: Path) -> object:
    return load_data(DataConfig(task=name, data_dir=str(folder)))


def tags(path: Path) -> object:
    return read_tags(open_tags(path), DataConfig(), None)


READERS: dict[str, Reader] = {
    "csv": Reader("f.csv", table, [text('text,label\nlamp,bad\n"a, b",good\nc,bad\n'), text("text,label\na,1\nb,2\n")]),
    "splits": Reader("f.csv", lambda path: load_data(DataConfig(train_file=str(path))), [SPLITS], slow=True),
    "tsv": Reader("f.tsv", table, [text("text\tlabel\nlamp\tbad\nhub\tgood\n")]),
    "json lines": Reader("f.jsonl", table, [text('{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n')]),
    "parquet": Reader("f.parquet", table, [parquet()]),
    **{
        name: Reader(file, lambda path, name=name: task(name, path.parent), [text(content)], slow=True)
        for name, (file, content) in GLUE.items()
    },
    "glue test": Reader("f.tsv", lambda path: glue_texts(str(path), LABELS), [text("index\tsentence\n0\tA.\n1\tb\n")]),
    "tags": Reader("f.conll", tags, [text("EU NNP B-ORG\nrejects VBZ O\n\nAnn NNP B-PER\n")]),
    "tags of json": Reader("f.jsonl", tags, [text({"tokens": ["EU", "is"], "tags": ["B-ORG", "O"]})]),
    "choices": Reader(
        "f.jsonl",
        lambda path: read_choices(read_table(path), DataConfig(), None),
        [text({"context": "a", "question": "b", "choices": ["c", "d"], "label": 0})],
    ),
    "questions": Reader("f.json", read_questions, [text(each) for each in (SQUAD, HOTPOT, SQUAD_ROW, [QUESTION])]),
    "segments": Reader("f.json", read_segments, [text([QUESTION, {**QUESTION, "id": "2", "answers": []}])]),
    "documents": Reader(
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
    "queries": Reader("f", read_queries, [text('<topic number="5"><query>x</query></topic>\n'), text("a\tx\nb\ty\n")]),
    "judgements": Reader("f", read_qrels, [text("1 0 a 2\n1 0 b 0\n"), text("query-id\tcorpus-id\tscore\n1\ta\t2\n")]),
    "grades": Reader("f", lambda path: read_qrels(path, "grades"), [text("1 a 2\n2 b 0\n")]),
    "codes": Reader("f", lambda path: read_qrels(path, "cranfield"), [text("1 a 2\n2 b -1\n")]),
    "pairs": Reader("f", lambda path: read_qrels(path, "pairs"), [text("1 a 0 0.000\n2 b\n")]),
    "run": Reader("f", read_run, [text("1 Q0 a 1 9.5 x\n1 Q0 b 2 1e-3 x\n")]),
    "ranks": Reader("f", lambda path: read_run(path, "ranks"), [text("1\ta\t1\n1\tb\t2\n")]),
    "vectors of json": Reader(
        "f.jsonl",
        lambda path: read_vectors(path, TWO, VOCABULARY),
        [
            text('{"id": "a", "vector": [1, 2]}\n{"id": "b", "vector": [3, 4.5]}\n'),
            text('{"id": "a", "vector": {"x": 1}}\n{"id": "b", "vector": {}}\n'),
        ],
    ),
    "npy": Reader("f.npy", lambda path: read_vectors(path, TWO), [saved(np.save, np.ones((2, 2), np.float32))]),
    "npz": Reader(
        "f.npz",
        lambda path: read_vectors(path, TWO),
        [saved(sparse.save_npz, CSR), saved(sparse.save_npz, CSR, compressed=False)],
    ),
    "faiss": Reader("f.faiss", lambda path: read_vectors(path, TWO), [flat_index()]),
    "yaml": Reader(
        "f.yaml", lambda path: as_arguments(read_yaml(path)), [text("task: x\nseeds: 3\nobjectives: [a, b]\n")]
    ),
    "objective": Reader(
        "f",
        lambda path: ObjectiveSpec.parse(path.read_text("utf-8", "replace")),
        [text("comparative+scl(weight=0.5)"), text("wide=comparative(n_drop=3,n_crop=1)")],
    ),
    "reader.json": Reader(FILE, lambda path: ReaderConfig.load(path.parent), [text(asdict(ReaderConfig()))]),
    "record": Reader("record.json", read_record, [STUDY["supervised/seed-0/record.json"]]),
    "settings": Reader(
        "settings.json", lambda path: check_folder(path.parent, {"a": {"b": 1}}) or 1, [text({"a": {"b": 1}})]
    ),
    "seconds": Reader(
        "seconds.json",
        lambda path: earlier_seconds(path.parent, 0),
        [text({"seconds": 1.5}), text({"seconds": 1.5, "step": 0})],
    ),
    "trials": Reader(
        "search.json", trials_in, [text({"settings": {}, "trials": [{"settings": {"alpha": 1}, "score": 5.0}]})]
    ),
    "pilots": Reader("pilots.json", pilots_in, [text({"settings": {}, "pilots": [{"steps": 50, "loss": 0.5}]})]),
    **in_folder(STUDY, [name for name in STUDY if "comparative" not in name], study, slow=True),
    **in_folder(MODEL, [name for name in MODEL if name != "training_args.bin"], classifier, slow=True),
    **in_folder(CHECKPOINT, list(CHECKPOINT), lambda folder: newest_whole(folder, 4)[0]),
    **in_folder(INDEX, [name for name in INDEX if name != "hnsw.faiss"], load_index),
    "hnsw.faiss": Reader(
        "hnsw.faiss",
        lambda path: approximate(load_index(path.parent), "hnsw", path.parent).search(np.eye(2, dtype=np.float32), 2),
        [INDEX["hnsw.faiss"]],
        INDEX,
    ),
}
