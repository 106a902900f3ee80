"""Write a trained model with its lowest layers alone: a smaller, faster model, which loads without cmploss."""

from collections.abc import Sequence
from dataclasses import dataclass

from cmploss.cli.console import check_given, new_path, out
from cmploss.errors import UserError
from cmploss.options import parse_arguments


@dataclass(frozen=True)
class CutFlags:
    """What to cut.

    Attributes:
        model: Folder of a fine-tuned classifier or reader.
        layers: Number of lowest layers to keep.
        output_dir: New folder for the smaller model.
    """

    model: str = ""
    layers: int | None = None
    output_dir: str | None = None


USAGE = "MODEL --layers 4 --output_dir FOLDER"
SECTIONS = (CutFlags,)


def run(argv: Sequence[str]) -> None:
    argv = list(argv)
    argv = ["--model", *argv] if argv and not argv[0].startswith("--") else argv
    flags = parse_arguments(argv, SECTIONS)[CutFlags]
    check_given(flags, ("model", "output_dir"), f"cut {USAGE}")
    if flags.layers is None:
        raise UserError(f"--layers is missing; usage: cmploss cut {USAGE}")
    folder = new_path("output_dir", flags.output_dir or "")
    from cmploss.studies.cutting import cut

    before, after = cut(flags.model, flags.layers, folder)
    out.print(f"{flags.layers} layers in {folder}: {after / 1e6:.1f} M parameters, {before / 1e6:.1f} M before")
