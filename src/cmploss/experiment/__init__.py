"""Records: one JSON file that describes one finished run, or one finished evaluation of feedback, completely."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.experiment.condition import NO_NOISE, NOISES, Benchmark, Condition, Noise, Unit
    from cmploss.experiment.environment import environment
    from cmploss.experiment.prf_record import (
        FEEDBACK_FILE,
        NO_FEEDBACK,
        Change,
        FeedbackRecord,
        FeedbackRow,
        MoreFeedback,
        read_feedback,
    )
    from cmploss.experiment.record import (
        CONTEXT_SIZE,
        DROPOUT_POWER,
        SCHEMA,
        VIOLATION_RATE,
        RunRecord,
        Score,
        fingerprint,
        read_record,
        read_records,
        write_record,
    )

__all__ = [
    "CONTEXT_SIZE",
    "DROPOUT_POWER",
    "FEEDBACK_FILE",
    "NOISES",
    "NO_FEEDBACK",
    "NO_NOISE",
    "SCHEMA",
    "VIOLATION_RATE",
    "Benchmark",
    "Change",
    "Condition",
    "FeedbackRecord",
    "FeedbackRow",
    "MoreFeedback",
    "Noise",
    "RunRecord",
    "Score",
    "Unit",
    "environment",
    "fingerprint",
    "read_feedback",
    "read_record",
    "read_records",
    "write_record",
]

import_when_used(__name__)
