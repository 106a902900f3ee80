"""Encode a collection into a dense index that can be searched; an interrupted index goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from cmploss.cli.console import out, progress_bar
from cmploss.errors import UserError
from cmploss.options import parse_arguments
from cmploss.retrieval import EncoderConfig, build_index, load_encoder, read_documents
from cmploss.studies.quiet import quiet_libraries


@dataclass(frozen=True)
class IndexFlags:
    """What to encode, and where to.

    Attributes:
        documents: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        output_dir: Folder of the index.
        batch_size: Documents per batch.
    """

    documents: str = ""
    output_dir: str = ""
    batch_size: int = 32


USAGE = "--documents FILE --output_dir FOLDER [--model NAME]"
SECTIONS = (IndexFlags, EncoderConfig)
TRAINING = False


def run(argv: Sequence[str]) -> None:
    """Parse, check and encode."""
    quiet_libraries()
    options = parse_arguments(argv, SECTIONS)
    flags = options[IndexFlags]
    for name in ("documents", "output_dir"):
        if not getattr(flags, name):
            raise UserError(f"--{name} is missing; usage: cmploss retrieve index {USAGE}")
    if flags.batch_size < 1:
        raise UserError(f"--batch_size {flags.batch_size} is out of range; give a whole number from 1")
    documents = read_documents(flags.documents)
    encoder = load_encoder(options[EncoderConfig])
    with progress_bar() as bar:
        task = bar.add_task("encoding", total=len(documents))
        index = build_index(
            documents,
            encoder,
            flags.output_dir,
            batch_size=flags.batch_size,
            progress=lambda count: bar.advance(task, count),
        )
    size = f"{index.vectors.shape[0]} documents × {index.vectors.shape[1]}"
    out.print(f"{flags.output_dir}   {size}, float16, {index.vectors.nbytes / 1e6:.1f} MB, by {index.model}")
