"""The answer to whether feedback helps and more of it hurts, in plain sentences."""

from collections.abc import Mapping, Sequence

from cmploss.experiment import Change, FeedbackRecord, FeedbackRow, MoreFeedback
from cmploss.experiment.statistics import mean_sd
from cmploss.reports.feedback.table import change_text, passages_text, share_text
from cmploss.reports.formatting import p_words
from cmploss.reports.verdict import join_words

QUESTION = "Does feedback help, and does more of it hurt?"
_ALPHA = 0.05


def feedback_words(record: FeedbackRecord) -> list[str]:
    """Say what the numbers of an evaluation mean, the answer first: does feedback help, and more of it?

    "Helps", "better", "gains" and "loses" take a corrected p < .05 over queries; everything else "cannot be told".
    """
    fed = [row for row in record.rows if row.passages]
    if not fed:
        return ["Nothing was fed back, so there is nothing to compare."]

    def rank(row: FeedbackRow) -> tuple[bool, bool, float]:
        better = _verdict(_of(row, record)) > 0
        return better and not _only_training(row, record), better, _mean(row, record)

    best = max(fed, key=rank)
    return [
        " ".join([_help(best, record), *_more(record)]),
        *_counts(fed, record),
        *_own(best, record),
        *_grown(record),
        _hurt(fed, record),
        *_steps(fed),
    ]


def _help(best: FeedbackRow, record: FeedbackRecord) -> str:
    """Whether the best row is better than no feedback."""
    found = _of(best, record)
    verdict = _verdict(found)
    name = f"{best.method} with {passages_text(best.passages or 0)}"
    evidence = f"({_evidence(found)})"
    if verdict > 0:
        start = "Training helps, feedback is not shown to" if _only_training(best, record) else "Feedback helps"
        return f"{start}: {name} is better than no feedback in {record.primary} {evidence}."
    if verdict < 0:
        return f"Feedback hurts: even the best, {name}, is worse than no feedback in {record.primary} {evidence}."
    if found.difference > 0:
        return f"Feedback is not shown to help: the best, {name}, cannot be told from no feedback {evidence}."
    return f"Nothing beats no feedback: the best, {name}, is not above it {evidence}."


def _counts(fed: Sequence[FeedbackRow], record: FeedbackRecord) -> list[str]:
    if len(fed) == 1:
        return []
    verdicts = [_verdict(_of(row, record)) for row in fed]
    better = "1 is" if verdicts.count(1) == 1 else f"{verdicts.count(1)} are"
    return [
        f"Of the {len(fed)} pairs of method and number of passages, {better} better than no feedback, "
        f"{verdicts.count(-1)} worse, {verdicts.count(0)} not to be told from it."
    ]


def _own(row: FeedbackRow, record: FeedbackRecord) -> list[str]:
    """What a reformulator gains by passages, beyond what its training gives a query alone."""
    effects = {1: "gains", -1: "loses", 0: "gains nothing that can be told"}
    return [
        f"Against itself without passages, {row.method} with {passages_text(each.passages)} "
        f"{effects[_verdict(each.change)]} ({_evidence(each.change)})."
        for each in _alone(row, record)
    ]


def _only_training(row: FeedbackRow, record: FeedbackRecord) -> bool:
    """Whether a reformulator is not shown to gain by its passages."""
    return any(_verdict(each.change) <= 0 for each in _alone(row, record))


def _alone(row: FeedbackRow, record: FeedbackRecord) -> list[MoreFeedback]:
    return [each for each in record.more if each.method == row.method and each.fewer == 0]


def _more(record: FeedbackRecord) -> list[str]:
    """Which methods gain and which lose from the fewest passages to the most."""
    grown = [each for each in record.more if each.fewer]
    names: dict[int, list[str]] = {1: [], -1: [], 0: []}
    for each in grown:
        names[_verdict(each.change)].append(each.method)
    clauses = [
        f"{join_words(found, 'and')} {verb if len(found) == 1 else plural}"
        for found, verb, plural in ((names[1], "gains", "gain"), (names[-1], "loses", "lose"))
        if found
    ]
    if names[0]:
        clauses.append(f"no change can be told for {join_words(names[0], 'or')}")
    return [f"{_span(grown[0])}, {'; '.join(clauses)}."] if grown else []


def _grown(record: FeedbackRecord) -> list[str]:
    """The numbers behind that."""
    grown = [each for each in record.more if each.fewer]
    said = "; ".join(f"{each.method} {_evidence(each.change)}" for each in grown)
    return [f"{_span(grown[0])} in {record.primary}: {said}."] if grown else []


def _span(more: MoreFeedback) -> str:
    return f"From {more.fewer} to {passages_text(more.passages)}"


def _hurt(fed: Sequence[FeedbackRow], record: FeedbackRecord) -> str:
    """Shares of queries below no feedback at the most passages, the smallest first."""
    most = max(row.passages or 0 for row in fed)
    shares = {row.method: _of(row, record).hurt for row in fed if row.passages == most}
    return f"With {passages_text(most)}, {_shares(shares)} of the queries end below no feedback."


def _steps(fed: Sequence[FeedbackRow]) -> list[str]:
    """The step that hurts most, for every method that has several."""
    steps: dict[str, list[Sequence[float]]] = {}
    for row in fed:
        if row.hurt_by_more is not None:
            steps.setdefault(row.method, []).append(row.hurt_by_more)
    worst = {method: max(found, key=_average) for method, found in steps.items() if len(found) > 1}
    return [f"The step of more feedback that hurts most hurts {_shares(worst)} of the queries."] if worst else []


def _shares(shares: Mapping[str, Sequence[float]]) -> str:
    ordered = sorted(shares.items(), key=lambda item: _average(item[1]))
    return join_words([f"{share_text(found)} ({method})" for method, found in ordered], "and")


def _average(shares: Sequence[float]) -> float:
    return mean_sd(shares)[0]


def _of(row: FeedbackRow, record: FeedbackRecord) -> Change:
    assert row.change is not None  # all rows but the one without feedback have it
    return row.change[record.primary]


def _mean(row: FeedbackRow, record: FeedbackRecord) -> float:
    return mean_sd(row.scores[record.primary])[0]


def _verdict(change: Change) -> int:
    """1 and −1 for a difference that is shown, 0 for none."""
    if change.p_holm is None or change.p_holm >= _ALPHA:
        return 0
    return 1 if change.difference > 0 else -1


def _evidence(change: Change) -> str:
    test = "the same for every query, which leaves nothing to test" if change.p_holm is None else p_words(change.p_holm)
    return f"{change_text(change)}, {test}"
