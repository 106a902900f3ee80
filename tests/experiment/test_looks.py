"""Looks at the table of a study are counted."""

from cmploss.experiment.looks import earlier_looks, note_look, read_looks
from tests.reports.runs import records_of


def records(seeds):
    return records_of({"supervised": [80.0] * seeds})


def test_a_look_counts_once_more_seeds_have_come(tmp_path):
    assert earlier_looks(tmp_path, records(3)) == 0
    for seeds in (3, 3, 5, 4, 10):
        note_look(tmp_path, range(seeds))
    assert [len(look["seeds"]) for look in read_looks(tmp_path)] == [3, 5, 10]
    assert [earlier_looks(tmp_path, records(seeds)) for seeds in (3, 5, 10)] == [0, 1, 2]
