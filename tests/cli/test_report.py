"""``cmploss report``: which file it writes, and what it refuses."""

import shutil

import pytest

from cmploss.cli.main import main
from tests.reports.html.studies import two_objectives, write_study
from tests.reports.runs import changed, record_of


@pytest.fixture
def studies(tmp_path, monkeypatch):
    """A working directory with the studies ``one`` and ``two``."""
    write_study(two_objectives(), tmp_path / "one")
    write_study(two_objectives(3), tmp_path / "two")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def report(studies, capsys):
    """Runs the command: exit status, standard output, standard error."""

    def run(*argv):
        status = main(["report", *argv])
        return status, *capsys.readouterr()

    return run


def test_the_page_goes_into_the_study(studies, report):
    status, out, error = report("one")
    assert (status, error) == (0, "")
    assert out.startswith("one/report.html: 4 runs, ")
    assert (studies / "one" / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert report("one")[0] == 0  # a report can always be made again


@pytest.mark.parametrize(("name", "suffix", "start"), [("md", "md", "# one\n"), ("latex", "tex", "% one\n% tickets")])
def test_text_instead(studies, report, name, suffix, start):
    assert report("one", "--format", name)[0] == 0
    assert (studies / "one" / f"report.{suffix}").read_text().startswith(start)


def test_several_studies_go_into_one_file(studies, report):
    assert report("one", "two", "--output_file", "both.html")[1].startswith("both.html: 10 runs, ")
    assert "2 studies side by side" in (studies / "both.html").read_text()
    assert report("one", "two", "--output_file", "both.md", "--format", "md")[0] == 0
    text = (studies / "both.md").read_text()
    assert 0 <= text.index("# one\n") < text.index("# two\n")


def test_another_baseline(studies, report):
    assert report("one", "--baseline", "comparative", "--format", "md")[0] == 0
    assert "Δ comparative" in (studies / "one" / "report.md").read_text()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "no study; give the folder"),
        (["--format", "html"], "no study; give the folder"),
        (["nowhere"], "nowhere: no such folder"),
        (["empty"], "empty: no record.json below it"),
        (["one", "two"], "2 studies need a file for their page"),
        (["one", "--output_file", "one/0/seed-0/record.json"], "exists already; give another name"),
        (["one", "--output_file", "no/where.html"], "folder no does not exist; create it first"),
        (["one", "--baseline", "rdrop"], "baseline 'rdrop' has no record; choose one of supervised, comparative"),
        (["one", "--format", "pdf"], "--format"),
        (["one", "--formt", "md"], "did you mean --format?"),
        (["one", "--format", "md", "two"], "unexpected argument 'two'"),
    ],
)
def test_mistakes_are_one_line(studies, report, argv, words):
    (studies / "empty").mkdir()
    before = sorted(studies.rglob("*"))
    status, out, error = report(*argv)
    assert (status, out) == (2, "")
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert words in error
    assert sorted(studies.rglob("*")) == before


def test_runs_that_cannot_be_compared_leave_no_page(studies, report):
    write_study([record_of("supervised", 0, 1.0), record_of("supervised", 0, 2.0)], studies / "twice")
    status, _, error = report("twice")
    assert status == 2
    assert error.startswith("error: twice: supervised: two records of seed 0")
    assert not (studies / "twice" / "report.html").exists()


def test_the_folder_of_several_data_sets_is_these_studies(studies, report):
    """As compare --tasks writes it: with its looks, simple models and best checkpoints."""
    for name in ("one", "two"):
        (studies / name / "study.json").write_text('{"grid": false}')
    (studies / "both").mkdir()
    for name in ("one", "two"):
        (studies / name).rename(studies / "both" / name)
    status, out, _ = report("both", "--format", "md")
    assert (status, out.startswith("both/report.md: 10 runs, ")) == (0, True)
    text = (studies / "both" / "report.md").read_text()
    assert 0 <= text.index("# one\n") < text.index("# two\n")
    (studies / "both" / "begun").mkdir()
    (studies / "both" / "begun" / "study.json").write_text('{"grid": false}')
    assert report("both", "--format", "md")[0] == 0  # a study without a finished run
    shutil.rmtree(studies / "both" / "two")  # which has the same seeds as one
    write_study([changed(run, task="old") for run in two_objectives()], studies / "both" / "old")
    assert report("both", "--format", "md")[1].startswith("both/report.md: 8 runs, ")  # nothing is left out
