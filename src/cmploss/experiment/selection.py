"""What was chosen by scores on the selection split, as far as a record tells."""

from cmploss.experiment.record import RunRecord


def selected_things(record: RunRecord) -> list[str]:
    """What was chosen on the selection split: checkpoint, length, threshold, run …; [] without a selection split.

    Where the selection split is also the one that is reported, all of this makes the scores optimistic.

    >>> from cmploss.experiment import Benchmark, Condition
    >>> benchmark = Benchmark("tickets", "accuracy", "validation", "validation")
    >>> settings = {"training": {"load_best_model_at_end": True}, "search": {"trials": 8}}
    >>> selected_things(RunRecord(benchmark, Condition(), {"name": "supervised"}, 0, settings=settings))
    ['the checkpoint of each run', 'settings (8 search trials)', 'the best run']
    """
    if record.benchmark.selection_split is None:
        return []
    training, search = record.settings.get("training", {}), record.settings.get("search", {})
    found = {
        "the checkpoint of each run": training.get("load_best_model_at_end"),
        "the training length": record.settings.get("length"),
        f"settings ({search.get('trials')} search trials)": search.get("trials"),
        "the threshold for no answer": record.data.get("no_answer_threshold") is not None,
        "the threshold of labels": record.data.get("label_threshold") is not None,
        "the best run": True,
    }
    return [thing for thing, chosen in found.items() if chosen]


def optimistic(record: RunRecord) -> list[str]:
    """What was chosen on the split that is reported; [] where that is another split."""
    of = record.benchmark
    return selected_things(record) if of.eval_split is not None and of.eval_split == of.selection_split else []
