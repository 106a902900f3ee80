"""Records: one JSON file that describes one finished run, or one finished evaluation of feedback, completely."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
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
        SCHEMA,
        RunRecord,
        fingerprint,
        read_record,
        read_records,
        write_record,
    )

__all__ = [
    "FEEDBACK_FILE",
    "NO_FEEDBACK",
    "SCHEMA",
    "Change",
    "FeedbackRecord",
    "FeedbackRow",
    "MoreFeedback",
    "RunRecord",
    "environment",
    "fingerprint",
    "read_feedback",
    "read_record",
    "read_records",
    "write_record",
]

import_when_used(__name__)
