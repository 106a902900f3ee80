"""The dropout sites of a model, and whether CmpDrop works on it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

from cmploss.ablation import CmpDrop, DropoutSite, dropout_sites, variants_of
from cmploss.ablation.dropout import ablated_rates, verify_nested_dropout
from cmploss.errors import UserError
from cmploss.models import model_files, pooling_of, size_in_words
from cmploss.pooled.pooled_classifier import PooledEncoderForSequenceClassification


def inspection(name: str, plan: CmpDrop) -> list[str]:
    """A report on a model, in lines; random weights suffice, so only its config is read."""
    variants = variants_of(plan)
    try:
        config = AutoConfig.from_pretrained(model_files(name))
        pooling = pooling_of(name)
        if pooling == "cls" or pooling == "mean":
            model: Any = PooledEncoderForSequenceClassification(AutoModel.from_config(config), pooling)
        else:
            model = AutoModelForSequenceClassification.from_config(config)
        sites = dropout_sites(model)
    except (OSError, ValueError) as error:
        raise UserError(f"model {name}: {' '.join(str(error).split())[:300]}") from error
    return [
        f"{type(model).__name__} ({size_in_words(model)} parameters), attention: {config._attn_implementation}",
        *site_lines(sites),
        f"CmpDrop({plan.n_drop}): {_verdict(model, plan)}",
        f"passes per step: {len(variants)} ({', '.join(variant.name for variant in variants)})",
    ]


def site_lines(sites: Sequence[DropoutSite]) -> list[str]:
    """One line for all sites that differ only in the number of the layer."""
    counts = Counter((re.sub(r"(^|\.)\d+(?=\.|$)", r"\1*", site.name), site.kind, site.rate) for site in sites)
    lines = [f"{sum(counts.values())} dropout sites, {sum(site.rate > 0 for site in sites)} of them active"]
    lines += [f"  {count:>3} × {name:<58} {kind:<10} {rate:g}" for (name, kind, rate), count in counts.items()]
    return lines


def _verdict(model: Any, plan: CmpDrop) -> str:
    inputs = {"input_ids": torch.arange(5, 13)[None].repeat(2, 1)}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if model.config.pad_token_id is None:
        inputs = {name: value[:1] for name, value in inputs.items()}  # batches of one need no padding token
    try:
        ablated_rates(model, plan.n_drop, plan.p)
        verify_nested_dropout(model, lambda: model(**inputs).logits, power=plan.n_drop, p=plan.p)
    except (ValueError, RuntimeError) as error:
        return f"does not work: {error}"
    effect = " and power 1 differs from it" if plan.n_drop else ""
    return f"works (power 0 equals eval mode{effect} on a test batch)"
