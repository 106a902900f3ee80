"""Encode a collection into a dense or sparse index that can be searched; an interrupted index is continued."""

from collections.abc import Sequence
from dataclasses import dataclass

from cmploss.cli.console import check_given, out, progress
from cmploss.errors import UserError
from cmploss.options import parse_arguments
from cmploss.retrieval.encoder_config import EncoderConfig


@dataclass(frozen=True)
class IndexFlags:
    """What to encode, and where to write.

    Attributes:
        documents: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        output_dir: Folder of the index.
        batch_size: Documents per batch.
    """

    documents: str = ""
    output_dir: str = ""
    batch_size: int = 32


USAGE = "--documents FILE --output_dir FOLDER [--model NAME] [--kind sparse]"
SECTIONS = (IndexFlags, EncoderConfig)


def run(argv: Sequence[str]) -> None:
    options = parse_arguments(argv, SECTIONS)
    flags = options[IndexFlags]
    check_given(flags, ("documents", "output_dir"), f"retrieve index {USAGE}")
    if flags.batch_size < 1:
        raise UserError(f"--batch_size must be >= 1, got {flags.batch_size}")
    from cmploss.retrieval import SparseIndex, build_index, load_encoder, read_documents

    documents = read_documents(flags.documents)
    encoder = load_encoder(options[EncoderConfig])
    with progress("encoding", len(documents)) as advance:
        index = build_index(documents, encoder, flags.output_dir, batch_size=flags.batch_size, progress=advance)
    size = f"{index.vectors.shape[0]} documents × {index.vectors.shape[1]}"
    if isinstance(index, SparseIndex):
        size += f", {index.vectors.nnz / len(index.ids):.1f} nonzero per document"
        stored, kind = sum(getattr(index.vectors, name).nbytes for name in ("data", "indices", "indptr")), "float32"
    else:
        stored, kind = index.vectors.nbytes, "float16"
    out.print(f"{flags.output_dir}   {size}, {kind}, {stored / 1e6:.1f} MB, by {index.model}")
