"""The kinds of examples by task."""

from collections.abc import Mapping

from cmploss.tasks.labels.label_kind import LabelKind
from cmploss.tasks.rows.row_kind import RowKind

KINDS: Mapping[str, type[RowKind]] = {"multi_label": LabelKind}
