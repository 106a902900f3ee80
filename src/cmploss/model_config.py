"""Options of the model that a run starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from cmploss.errors import UserError

Pooling = Literal["auto", "head", "cls", "mean"]
HeadInit = Literal["auto", "random", "probe"]
MaxLength = int | Literal["auto"] | None
DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Lora:
    """Small matrices A and B next to each chosen layer W, which is frozen: ``Wx + (alpha / r) · B A dropout(x)``.

    Attributes:
        r: Rows of A and columns of B.
        alpha: By default 2 r (ours).
        dropout: Rate of the dropout before A; by default 0.1, as in BERT, so that models without dropout have some that
            can be ablated (ours).
        target_modules: Names of linear layers of the encoder, or ends of their names; by default all.

    References:
        Hu et al. 2022 (arXiv 2106.09685).
    """

    r: int
    alpha: int | None = None
    dropout: float = 0.1
    target_modules: tuple[str, ...] = ()

    def __str__(self) -> str:
        """All settings, as :meth:`parse` reads them.

        >>> str(Lora.parse("r=8"))
        'r=8,alpha=16,dropout=0.1'
        """
        targets = f",target_modules={'+'.join(self.target_modules)}" if self.target_modules else ""
        return f"r={self.r},alpha={self.scale},dropout={self.dropout:g}{targets}"

    @property
    def scale(self) -> int:
        """``alpha``, or its default."""
        return 2 * self.r if self.alpha is None else self.alpha

    @classmethod
    def parse(cls, text: str) -> "Lora":
        """Read settings.

        Raises:
            UserError: A setting is unknown, missing or out of range, or peft is not installed.

        >>> Lora.parse("r=8,dropout=0.2,target_modules=query+value")
        Lora(r=8, alpha=None, dropout=0.2, target_modules=('query', 'value'))
        """
        kinds: dict[str, Callable[[str], Any]] = {"r": int, "alpha": int, "dropout": float, "target_modules": _names}
        given: dict[str, Any] = {}
        for word in text.replace(" ", "").split(","):
            name, _, value = word.partition("=")
            if name not in kinds or name in given:
                problem = "is there twice" if name in given else f"is none of {', '.join(kinds)}"
                raise UserError(f"--lora {text}: {name!r} {problem}; write settings as in r=8,alpha=16,dropout=0.1")
            try:
                given[name] = kinds[name](value)
            except ValueError as error:
                raise UserError(f"--lora {text}: {name} must be as in {_EXAMPLES[name]}, got {value!r}") from error
        found = cls(**{"r": 0, **given})
        if found.r < 1 or found.scale < 1 or not 0 <= found.dropout < 1:
            raise UserError(f"--lora {text}: r and alpha must be >= 1, and dropout at least 0 and below 1")
        check_peft("--lora")
        return found


_EXAMPLES = {"r": "r=8", "alpha": "alpha=16", "dropout": "dropout=0.1", "target_modules": "target_modules=query+value"}


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split("+"))
    if not all(names):
        raise ValueError
    return names


def check_peft(what: str) -> None:
    if find_spec("peft") is None:
        raise UserError(f"{what} needs peft; install it with: pip install 'cmploss[peft]'")


@dataclass(frozen=True)
class ModelConfig:
    """Which pretrained model, and how much of a text it reads.

    Attributes:
        model: Hub id[@revision] or folder.
        max_length: Longest input in tokens; by default 128 (longer texts are cut at the end), in question answering 384
            (longer contexts are read in several windows). auto is long enough for 99 % of the training texts, up to the
            limit of the model.
        num_layers: Number of lowest layers of the model that are kept; all by default. A smaller model is faster.
        reinit_layers: Number of top layers to re-initialise; the pooler is re-initialised too.
        freeze: Parts of the encoder that are not trained: embeddings, a number of lowest layers, or both, as in
            embeddings,2. Steps are faster, and a small sample changes less of the model.
        pooling: Input of a text classifier: the state of the first token (cls) or the mean over tokens; head is the
            standard head of transformers. auto is the pooling that a sentence-transformers model states, else head.
        head_init: Initial last layer: random or probe. A probe is logistic or ridge regression on the frozen vectors of
            the run's training texts. auto is probe for a sentence-transformers model with its own pooling, else random.
        lora: Train low-rank matrices (LoRA) only, as in r=8,alpha=16 (needs peft).

    Raises:
        UserError: For settings that are wrong, or do not go together.
    """

    model: str = DEFAULT_MODEL
    max_length: MaxLength = None
    num_layers: int | None = None
    reinit_layers: int = 0
    freeze: str | None = None
    pooling: Pooling = "auto"
    head_init: HeadInit = "auto"
    lora: str | None = None

    def __post_init__(self) -> None:
        for option in ("reinit_layers", "freeze") if self.adapter else ():
            if getattr(self, option):
                raise UserError(f"--lora trains no layer of the encoder itself; leave --{option} out")

    @property
    def adapter(self) -> Lora | None:
        """The settings of LoRA; None to train all weights."""
        return None if self.lora is None else Lora.parse(self.lora)
