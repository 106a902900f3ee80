"""Show every dropout site of a model with its rate, and whether CmpDrop works on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from cmploss.ablation.variants import CmpDrop
from cmploss.cli.console import out
from cmploss.errors import UserError
from cmploss.model_config import ModelConfig
from cmploss.options import parse_arguments


@dataclass(frozen=True)
class InspectFlags:
    """What to look at.

    Attributes:
        model: Hub id, folder, or a folder with a config.json alone.
        n_drop: Ablated passes.
        dropout_p: Base rate at every dropout site; by default each site's own.
        lora: Matrices next to the layers of the encoder, as in r=8 or r=8,dropout=0.1 (needs peft).
    """

    model: str = ""
    n_drop: int = 1
    dropout_p: float | None = None
    lora: str | None = None


USAGE = "MODEL [--n_drop 1] [--dropout_p 0.1] [--lora r=8]"
SECTIONS = (InspectFlags,)


def flags_of(argv: Sequence[str]) -> list[str]:
    """The words of a command line, in which the model may come first without its flag."""
    named = not argv or argv[0].startswith("--") or argv[0].endswith((".yaml", ".yml"))
    return list(argv) if named else ["--model", *argv]


def run(argv: Sequence[str]) -> None:
    flags = parse_arguments(flags_of(argv), SECTIONS)[InspectFlags]
    if not flags.model:
        raise UserError(f"the model is missing; usage: cmploss inspect {USAGE}")
    try:
        plan = CmpDrop(flags.n_drop, flags.dropout_p)
    except ValueError as error:
        raise UserError(str(error)) from error
    lora = ModelConfig(lora=flags.lora).adapter
    from cmploss.studies.inspection import inspection

    for line in inspection(flags.model, plan, lora):
        out.print(line)
