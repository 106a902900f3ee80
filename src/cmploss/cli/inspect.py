"""Show every dropout site of a model with its rate, and whether CmpDrop works on it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from cmploss.ablation import CmpDrop, DropoutSite, dropout_sites, variants_of
from cmploss.ablation.dropout import ablated_rates, verify_nested_dropout
from cmploss.cli.console import out
from cmploss.errors import UserError
from cmploss.models import model_files, size_in_words
from cmploss.options import parse_arguments
from cmploss.studies.quiet import quiet_libraries


@dataclass(frozen=True)
class InspectFlags:
    """What to look at.

    Attributes:
        model: Hub id, folder, or a folder with a config.json alone.
        n_drop: Ablated passes.
        dropout_p: Base rate at every dropout site; by default each site's own.
    """

    model: str = ""
    n_drop: int = 1
    dropout_p: float | None = None


USAGE = "MODEL [--n_drop 1] [--dropout_p 0.1]"
SECTIONS = (InspectFlags,)
TRAINING = False


def run(argv: Sequence[str]) -> None:
    """Parse, build the model from its config (random weights suffice), and report."""
    quiet_libraries()
    argv = list(argv)
    flags = parse_arguments(["--model", *argv] if argv and not argv[0].startswith("--") else argv, SECTIONS)[
        InspectFlags
    ]
    if not flags.model:
        raise UserError(f"the model is missing; usage: cmploss inspect {USAGE}")
    try:
        variants = variants_of(CmpDrop(flags.n_drop, flags.dropout_p))
    except ValueError as error:
        raise UserError(str(error)) from error
    try:
        config = AutoConfig.from_pretrained(model_files(flags.model))
        model = AutoModelForSequenceClassification.from_config(config)
        sites = dropout_sites(model)
    except (OSError, ValueError) as error:
        raise UserError(f"model {flags.model}: {' '.join(str(error).split())[:300]}") from error
    out.print(f"{type(model).__name__} ({size_in_words(model)} parameters), attention: {config._attn_implementation}")
    for line in site_lines(sites):
        out.print(line)
    out.print(f"CmpDrop({flags.n_drop}): {_verdict(model, flags)}")
    out.print(f"passes per step: {len(variants)} ({', '.join(variant.name for variant in variants)})")


def site_lines(sites: Sequence[DropoutSite]) -> list[str]:
    """One line for all sites that differ only in the number of their layer."""
    counts = Counter((_without_numbers(site.name), site.kind, site.rate) for site in sites)
    lines = [f"{sum(counts.values())} dropout sites, {sum(site.rate > 0 for site in sites)} of them active"]
    lines += [f"  {count:>3} × {name:<58} {kind:<10} {rate:g}" for (name, kind, rate), count in counts.items()]
    return lines


def _verdict(model: Any, flags: InspectFlags) -> str:
    inputs = {"input_ids": torch.arange(5, 13)[None].repeat(2, 1)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if model.config.pad_token_id is None:
        inputs = {name: value[:1] for name, value in inputs.items()}  # batches of one need no padding token
    try:
        ablated_rates(model, flags.n_drop, flags.dropout_p)
        verify_nested_dropout(model, lambda: model(**inputs).logits, power=flags.n_drop, p=flags.dropout_p)
    except (ValueError, RuntimeError) as error:
        return f"does not work: {error}"
    effect = " and power 1 differs from it" if flags.n_drop else ""
    return f"works (power 0 equals eval mode{effect} on a test batch)"


def _without_numbers(name: str) -> str:
    return ".".join("*" if part.isdecimal() else part for part in name.split("."))
