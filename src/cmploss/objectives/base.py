"""The protocol and the base class of objectives. Modules of objectives import torch only inside methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cmploss.ablation import Variant
    from cmploss.choices import Engine
    from cmploss.objectives.run_plan import PassBatch
    from cmploss.objectives.task_loss import TaskLoss


@dataclass(frozen=True)
class ObjectiveOutput:
    """What an objective returns for a model and a batch.

    Attributes:
        loss: The scalar to minimise: the mean over the valid examples of the batch; 0 if there are none.
        logs: Detached scalars to log, each a mean over the same examples.
        outputs: The model's outputs under the first variant, which is the full model if there is one.
    """

    loss: Tensor
    logs: dict[str, Tensor] = field(default_factory=dict)
    outputs: Any = None


class Objective(Protocol):
    """Anything that turns a model and a batch into an :class:`ObjectiveOutput`, without keeping either."""

    def __call__(
        self, model: nn.Module, batch: Mapping[str, Any], task_loss: TaskLoss | None = None
    ) -> ObjectiveOutput:
        """Run the passes on ``batch`` (labels included); ``task_loss`` is found from the model if not given."""
        ...


class MultiPassObjective(ABC):
    """An objective that runs a plan and scores its passes; objectives of this kind can be added to each other.

    A subclass is a frozen dataclass whose fields are its settings (see :func:`cmploss.settings.setting`).
    """

    @property
    @abstractmethod
    def variants(self) -> tuple[Variant, ...]:
        """The plan."""

    @property
    def engine(self) -> Engine:
        """How the passes are run (see :func:`cmploss.engine.engines.run_passes`)."""
        return "auto"

    @property
    def by_example(self) -> bool:
        """Whether the loss of an example does not depend on the others of its batch, so that batches can be split."""
        return True

    def forward(self, model: nn.Module, inputs: Mapping[str, Any]) -> Any:
        """One forward pass; a subclass may add tensors to the outputs."""
        return model(**inputs)

    @abstractmethod
    def score(self, passes: PassBatch) -> ObjectiveOutput:
        """The output for the passes of the plan."""

    def __call__(
        self, model: nn.Module, batch: Mapping[str, Any], task_loss: TaskLoss | None = None
    ) -> ObjectiveOutput:
        """Run the passes and score them; see :class:`cmploss.objectives.Objective`."""
        from cmploss.objectives.run_plan import run_plan

        return run_plan(
            model, batch, task_loss, self.score, variants=self.variants, engine=self.engine, forward=self.forward
        )
