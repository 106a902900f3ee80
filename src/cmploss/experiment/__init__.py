"""Records: one JSON file that completely describes one finished run."""

from typing import TYPE_CHECKING

from cmploss._lazy import import_when_used

if TYPE_CHECKING:
    from cmploss.experiment.environment import environment
    from cmploss.experiment.record import (
        SCHEMA,
        RunRecord,
        fingerprint,
        read_record,
        read_records,
        write_record,
    )

__all__ = [
    "SCHEMA",
    "RunRecord",
    "environment",
    "fingerprint",
    "read_record",
    "read_records",
    "write_record",
]

import_when_used(__name__)
