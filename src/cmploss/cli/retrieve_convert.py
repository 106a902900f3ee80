"""Convert a query reformulator that the authors of LoL released into one that search and evaluate read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cmploss.cli.console import check_given, new_path, out
from cmploss.options import parse_arguments
from cmploss.tasks.prf.prf_config import FeedbackConfig


@dataclass(frozen=True)
class ConvertFlags:
    """What to convert, and where to write.

    Attributes:
        checkpoint: Folder of a released checkpoint: an encoder with model.pt next to it.
        index: Folder of the index in whose vector space it writes.
        tokenizer: Model whose tokenizer it reads with, if the checkpoint has none.
        output_dir: New folder.
    """

    checkpoint: str = ""
    index: str = ""
    tokenizer: str | None = None
    output_dir: str = ""


USAGE = "--checkpoint FOLDER --index FOLDER --output_dir FOLDER [--tokenizer NAME]"
SECTIONS = (ConvertFlags, FeedbackConfig)


def run(argv: Sequence[str]) -> None:
    options = parse_arguments(argv, SECTIONS)
    flags = options[ConvertFlags]
    check_given(flags, ("checkpoint", "index", "output_dir"), f"retrieve convert {USAGE}")
    folder = new_path("output_dir", flags.output_dir)
    from cmploss.experiment import Benchmark, Condition, RunRecord, write_record
    from cmploss.experiment.run_dir import RECORD_FILE
    from cmploss.model_identity import model_identity
    from cmploss.retrieval import load_index
    from cmploss.tasks.prf.convert import convert_checkpoint

    trained = convert_checkpoint(
        Path(flags.checkpoint), load_index(flags.index), options[FeedbackConfig], flags.tokenizer
    )
    folder.mkdir(parents=True)
    trained.save(folder)
    record = RunRecord(
        Benchmark("converted", "nDCG@10", None),
        Condition(),
        {"name": "lol", "kind": "lol", "settings": {}, "source": None},
        seed=0,
        settings={"model": flags.checkpoint, "model_files": model_identity(flags.checkpoint)},
    )
    write_record(record, folder / RECORD_FILE)
    out.print(
        f"{folder}   a {trained.model.kind} reformulator of {flags.checkpoint}; only tensors were read, not args.pt"
    )
