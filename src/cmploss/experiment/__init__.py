"""Records: one JSON file that completely describes one finished run."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.experiment.condition import (
        NOISES as NOISES,
        Benchmark as Benchmark,
        Condition as Condition,
        Noise as Noise,
    )
    from cmploss.experiment.environment import environment as environment
    from cmploss.experiment.record import (
        CONTEXT_SIZE as CONTEXT_SIZE,
        DISTRACTORS as DISTRACTORS,
        DROPOUT_POWER as DROPOUT_POWER,
        LAYERS as LAYERS,
        REFERENCE as REFERENCE,
        REFERENCE_FOLDER as REFERENCE_FOLDER,
        VIOLATION_RATE as VIOLATION_RATE,
        RunRecord as RunRecord,
        Score as Score,
        fingerprint as fingerprint,
        read_record as read_record,
        read_records as read_records,
        read_references as read_references,
        write_record as write_record,
    )

import_when_used(__name__)
