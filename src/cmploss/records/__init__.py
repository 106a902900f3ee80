"""Run records: one JSON file that describes one finished run completely."""

from cmploss.records.environment import environment
from cmploss.records.record import (
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
