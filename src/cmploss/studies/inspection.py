"""The dropout sites of a model, and whether CmpDrop works on it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModel, AutoModelForSequenceClassification

from cmploss.ablation import CmpDrop, DropoutSite, dropout_sites, unwrap_model, variants_of
from cmploss.ablation.dropout import ablated_rates, verify_nested_dropout
from cmploss.errors import UserError
from cmploss.model_config import Lora
from cmploss.model_files import config_of, is_adapter, model_files
from cmploss.models import add_lora, pooling_of, size_in_words, trained_in_words
from cmploss.pooled.pooled_classifier import PooledEncoderForSequenceClassification


def inspection(name: str, plan: CmpDrop, lora: Lora | None = None) -> list[str]:
    """A report on a model, or on one with LoRA, in lines; random weights suffice, so only its config is read."""
    variants = variants_of(plan)
    if is_adapter(model_files(name)):
        raise UserError(f"model {name} is an adapter; inspect the model with its frozen weights, with --lora")
    try:
        config = config_of(name)
        pooling = pooling_of(name)
        if pooling == "cls" or pooling == "mean":
            model: Any = PooledEncoderForSequenceClassification(AutoModel.from_config(config), pooling)
        else:
            model = AutoModelForSequenceClassification.from_config(config)
        if lora is not None:
            model = add_lora(model, lora, name)
        sites = dropout_sites(unwrap_model(model))
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"model {name}: {' '.join(str(error).split())[:300]}") from error
    kind, trained = type(unwrap_model(model)).__name__, "" if lora is None else f", {trained_in_words(model)} trained"
    return [
        f"{kind} ({size_in_words(model)} parameters{trained}), attention: {config._attn_implementation}",
        *site_lines(sites),
        f"CmpDrop({plan.n_drop}): {_verdict(model, plan)}",
        f"passes per step: {len(variants)} ({', '.join(variant.name for variant in variants)})",
    ]


def site_lines(sites: Sequence[DropoutSite]) -> list[str]:
    """One line for all sites that differ only in the number of the layer."""
    counts = Counter((re.sub(r"(^|\.)\d+(?=\.|$)", r"\1*", site.name), site.kind, site.rate) for site in sites)
    lines = [f"{sum(counts.values())} dropout sites, {sum(site.rate > 0 for site in sites)} of them active"]
    width = max((len(name) for name, _, _ in counts), default=0)
    lines += [f"  {count:>3} × {name:<{width}} {kind:<10} {rate:g}" for (name, kind, rate), count in counts.items()]
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
