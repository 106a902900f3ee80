"""Where a model applies dropout."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

Kind = Literal["module", "attribute", "identity"]
WHOLE_LAYERS = ("layerdrop", "drop_path", "drop_prob")


@dataclass(frozen=True)
class DropoutSite:
    """One place where a model applies dropout.

    Attributes:
        kind: ``"module"`` (rate in ``.p``; attention code may read it), ``"attribute"`` (a float on ``owner``, such as
            ``LongformerSelfAttention.dropout``) or ``"identity"`` (a dropout that the constructor left out because its
            rate was 0, such as ``ModernBertAttention.out_drop``).
        owner: The dropout module itself, or the module that has the attribute or the identity.
        attribute: The name under which ``owner`` keeps the rate or the identity.
    """

    name: str
    kind: Kind
    owner: nn.Module
    attribute: str
    rate: float

    def value(self, rate: float) -> float | nn.Module:
        """What ``owner`` must keep under ``attribute`` so that dropout is applied here at ``rate``."""
        if self.kind != "identity":
            return rate
        return nn.Dropout(rate).train(self.owner.training) if rate > 0 else getattr(self.owner, self.attribute)


def dropout_sites(model: nn.Module) -> list[DropoutSite]:
    """Every dropout site of ``model`` in the order of its modules, including sites with rate 0.

    A float attribute counts if its name contains ``dropout`` and its value lies in [0, 1]; an identity if its name, or
    that of its owner (``lora_dropout``), contains ``drop``.

    Raises:
        ValueError: If layers are dropped at random (LayerDrop, stochastic depth): such submodels do not nest.
    """
    sites: list[DropoutSite] = []
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        if isinstance(module, _DropoutNd):
            sites.append(DropoutSite(path, "module", module, "p", module.p))
            continue
        for name, value in vars(module).items():
            if not _is_rate(value):
                continue
            if value > 0 and any(word in name for word in WHOLE_LAYERS):
                raise ValueError(
                    f"{prefix}{name}={value} drops whole layers at random, which cannot nest; set it to 0 in the config"
                )
            if "dropout" in name:
                sites.append(DropoutSite(prefix + name, "attribute", module, name, float(value)))
        for name, child in module.named_children():
            names = f"{path.rpartition('.')[2]}.{name}"
            if "drop" in names and "path" not in names and isinstance(child, nn.Identity):
                sites.append(DropoutSite(prefix + name, "identity", module, name, 0.0))
    return sites


def unwrap_model(model: Any) -> Any:
    """The transformers model inside DistributedDataParallel, torch.compile and PEFT wrappers."""
    for name in ("module", "_orig_mod"):
        while isinstance(getattr(model, name, None), nn.Module):
            model = getattr(model, name)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def is_compiled(model: nn.Module) -> bool:
    return any("_orig_mod" in module._modules or module._compiled_call_impl is not None for module in model.modules())


def _is_rate(value: object) -> bool:
    return (isinstance(value, float) and 0 <= value <= 1) or (type(value) is int and value == 0)
