"""Which reformulators are runs of one method, and what they are called."""

import pytest

from cmploss.errors import UserError
from cmploss.experiment import write_record
from cmploss.tasks.prf import trained_methods
from tests.reports.runs import record_of


@pytest.fixture
def trained(tmp_path):
    """Writes the record of a reformulator that was never trained; its folder."""

    def write(name, seed, **settings):
        reformulator = {"revisions": 2, "seed": seed, **settings}
        record = record_of(
            "feedback", seed, 1.0, settings={"task": "t", "seed": seed, "reformulator": reformulator, "training": {}}
        )
        write_record(record, tmp_path / name / "record.json")
        return tmp_path / name

    return write


def test_equal_settings_but_for_the_seed_are_one_method(trained):
    folders = [
        trained("lol-1", 1),
        trained("one", 0, revisions=1),
        trained("a/lol-0", 0),
        trained("several-0", 0, feedback_weight=0.0),
        trained("lol-12", 12),
    ]
    found = trained_methods(folders)
    assert [method.name for method in found] == ["lol", "one", "several-0"]
    assert list(found[0].folders) == [0, 1, 12]
    assert found[0].names == ["lol-0", "lol-1", "lol-12"]
    assert found[0].settings == {"task": "t", "reformulator": {"revisions": 2}, "training": {}}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"lol-0": 0, "lol": 1}, ["lol: differs from", "lol-0 in its seed alone", "call its folder NAME-1"]),
        ({"lol-1": 0, "lol-2": 1}, ["lol-1: differs from", "call its folder NAME-0"]),
        ({"lol-10": 0, "lol-1": 1}, ["lol-10: differs from", "call its folder NAME-0"]),
        ({"a-0": 0, "b-1": 1}, ["a-0", "b-1 differ in their seed alone", "one name before -SEED"]),
        ({"a-0": 0, "b-0": 0}, ["b-0: has the settings and the seed 0 of", "a-0; give each run once"]),
        ({"-0": 0, "-1": 1}, ["-0: differs from", "call its folder NAME-0"]),
    ],
)
def test_names_that_do_not_say_it_are_refused(trained, names, words):
    folders = [trained(name, seed) for name, seed in names.items()]
    with pytest.raises(UserError) as error:
        trained_methods(folders)
    assert [word for word in words if word not in str(error.value)] == []
