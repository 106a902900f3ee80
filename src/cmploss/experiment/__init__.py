"""Records: one JSON file that completely describes one finished run."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.experiment.condition import NOISES, Benchmark, Condition, Noise
    from cmploss.experiment.environment import environment
    from cmploss.experiment.record import (
        CONTEXT_SIZE,
        DROPOUT_POWER,
        REFERENCE,
        REFERENCE_FOLDER,
        VIOLATION_RATE,
        RunRecord,
        Score,
        fingerprint,
        read_record,
        read_records,
        read_references,
        write_record,
    )

__all__ = [
    "CONTEXT_SIZE",
    "DROPOUT_POWER",
    "NOISES",
    "REFERENCE",
    "REFERENCE_FOLDER",
    "VIOLATION_RATE",
    "Benchmark",
    "Condition",
    "Noise",
    "RunRecord",
    "Score",
    "environment",
    "fingerprint",
    "read_record",
    "read_records",
    "read_references",
    "write_record",
]

import_when_used(__name__)
