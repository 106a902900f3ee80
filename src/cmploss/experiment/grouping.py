"""Groups of runs that are compared: runs with the same benchmark and condition."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

from cmploss.errors import UserError
from cmploss.experiment.condition import Benchmark, Condition, Noise
from cmploss.experiment.record import RunRecord

Named = TypeVar("Named", Benchmark, Condition)


@dataclass(frozen=True)
class Comparison:
    """Runs that are compared with one another: they differ only in objective and seed.

    Attributes:
        name: Description of what distinguishes it from the other comparisons, "" if it is the only one.
        benchmark: Benchmark of the runs.
        condition: Condition of the runs.
        records: The runs.
        references: Simple models trained on the same samples.
    """

    name: str
    benchmark: Benchmark
    condition: Condition
    records: tuple[RunRecord, ...]
    references: tuple[RunRecord, ...] = ()


def comparisons_of(records: Iterable[RunRecord], references: Iterable[RunRecord] = ()) -> list[Comparison]:
    """Group runs: by benchmark, then small samples first, without noise first, short training first.

    Steps separate comparisons of a benchmark only if runs on one sample differ in steps. Otherwise steps follow from
    the sample: three epochs of more or longer examples are more steps.
    """
    by_benchmark: dict[Benchmark, list[RunRecord]] = {}
    for record in records:
        by_benchmark.setdefault(record.benchmark, []).append(record)
    found: dict[tuple[Benchmark, Condition], list[RunRecord]] = {}
    for benchmark, runs in by_benchmark.items():
        steps_differ = _steps_differ(runs)
        members: dict[Condition, list[RunRecord]] = {}
        for run in runs:
            key = run.condition if steps_differ else replace(run.condition, steps=None)
            members.setdefault(key, []).append(run)
        for condition, of in members.items():
            steps = {run.condition.steps for run in of}
            found[benchmark, replace(condition, steps=steps.pop() if len(steps) == 1 else None)] = of
    keys = sorted(found, key=_rank)
    names = _distinct([benchmark.describe() | condition.describe() for benchmark, condition in keys])
    simple = tuple(references)
    return [
        Comparison(name, *key, tuple(found[key]), references_of(simple, *key))
        for name, key in zip(names, keys, strict=True)
    ]


def references_of(references: Iterable[RunRecord], benchmark: Benchmark, condition: Condition) -> tuple[RunRecord, ...]:
    """The simple models of a comparison: the same benchmark and condition, whatever the steps."""
    sample = replace(condition, steps=None)
    return tuple(each for each in references if (each.benchmark, each.condition) == (benchmark, sample))


def names_of(things: Sequence[Named]) -> dict[Named, str]:
    """A name of what distinguishes each condition or benchmark from the others; "" if it is the only one.

    >>> list(names_of([Condition(20, steps=50), Condition(100, steps=50)]).values())
    ['20 training examples', '100 training examples']
    """
    return dict(zip(things, _distinct([thing.describe() for thing in things]), strict=True))


def shared_words(conditions: Iterable[Condition]) -> str:
    """The settings that some conditions share, in words.

    >>> shared_words([Condition(20, steps=50), Condition(100, steps=50)])
    'no noise, 50 steps'
    """
    first, *others = (condition.describe() for condition in conditions)
    return ", ".join(words for field, words in first.items() if words and all(words == of.get(field) for of in others))


def check_comparable(records: Sequence[RunRecord]) -> Benchmark:
    """Refuse runs that cannot be compared; returns their benchmark.

    Raises:
        UserError: If there are no records, or they differ in benchmark or condition or, for one seed, in steps or
            evaluation examples.
    """
    if not records:
        raise UserError("no records to compare; give the folder of finished runs")
    benchmark = records[0].benchmark
    _check_equal([vars(record.benchmark) for record in records])
    _check_equal([vars(replace(record.condition, steps=None)) for record in records])
    first: dict[tuple[int, str], object] = {}
    for record in records:
        examples = record.split(benchmark.eval_split).get("sha256")
        for what, value in (("steps", record.condition.steps), (f"examples of {benchmark.eval_split}", examples)):
            other = first.setdefault((record.seed, what), value)
            if other != value:
                fault = f"the records of seed {record.seed} differ in {what}: {other}, {value}"
                raise UserError(f"{fault}; compare runs of equal {what}")
    return benchmark


def resolution_of(record: RunRecord) -> float:
    """The worth of one example of the evaluation split in points; 0 if the measure is not a share of examples."""
    examples = record.split(record.benchmark.eval_split or "").get("examples")
    return 100 / examples if examples and record.benchmark.measure in ("accuracy", "exact_match") else 0.0


def test_to_train(records: Sequence[RunRecord]) -> float:
    """Number of test examples / training examples of a fold, averaged over runs; 0 for seeds."""
    if records[0].benchmark.unit != "fold":
        return 0.0
    return fmean(run.split(run.benchmark.eval_split)["examples"] / run.split("train")["examples"] for run in records)


def _check_equal(facts: Sequence[Mapping[str, object]]) -> None:
    for name in facts[0]:
        values = [of[name] for of in facts]
        if any(value != values[0] for value in values):
            shown = (str(value) if isinstance(value, Noise) else repr(value) for value in values)
            listed = ", ".join(sorted(set(shown)))
            raise UserError(f"the records differ in {name}: {listed}; compare runs of one {name} at a time")


def _steps_differ(runs: Sequence[RunRecord]) -> bool:
    """Whether some runs on the same sample differ in steps; all examples are the same sample for every seed."""
    trainings = {
        (run.seed if run.condition.train_size or run.benchmark.unit == "fold" else None, run.condition) for run in runs
    }
    return len(trainings) > len({(seed, replace(condition, steps=None)) for seed, condition in trainings})


def _rank(key: tuple[Benchmark, Condition]) -> tuple[object, ...]:
    benchmark, condition = key
    names = [str(value or "") for value in vars(benchmark).values()]
    size = math.inf if condition.train_size is None else condition.train_size
    noise = condition.noise
    others = [(name, value) for name, value in sorted(condition.others.items())]
    return *names, size, noise != Noise(), noise.kind, noise.level, condition.steps or 0, others


def _distinct(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """A name for each row, from the fields that do not follow from earlier fields."""

    def different(fields: Sequence[str]) -> int:
        return len({tuple(row.get(field, "") for field in fields) for row in rows})

    telling: list[str] = []
    for field in dict.fromkeys(field for row in rows for field in row):
        if different([*telling, field]) > different(telling):
            telling.append(field)
    return [", ".join(row.get(field) or f"no fixed {field}" for field in telling) for row in rows]
