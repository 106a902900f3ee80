"""The kinds of examples by task."""

from collections.abc import Mapping

from cmploss.tasks.choices.choice_kind import ChoiceKind
from cmploss.tasks.labels.label_kind import LabelKind
from cmploss.tasks.rerank.rerank_kind import RerankKind
from cmploss.tasks.rows.row_kind import RowKind
from cmploss.tasks.tags.tag_kind import TagKind

KINDS: Mapping[str, type[RowKind]] = {
    "multi_label": LabelKind,
    "tags": TagKind,
    "multiple_choice": ChoiceKind,
    "rerank": RerankKind,
}
