"""Grids, processes and failures on the command line."""

import pytest

from cmploss.experiment import read_records
from cmploss.experiment.best_run import read_best
from cmploss.studies import run_job as job_module
from tests.local_model import csv_of, reviews

STUDY = (
    "compare --model models/encoder --max_length 16 --use_cpu true --train_file train.csv --seeds 1 --output_dir out "
    "--objectives supervised,no_dropout"
)
GRID = f"{STUDY} --few_shot 4,8 --noise none,label:0.25 --steps 2"
CONDITIONS = [f"{size} training examples, {noise}" for size in (4, 8) for noise in ("no noise", "noise label:0.25")]


def test_a_grid_from_yaml_prints_every_condition(cmploss, workplace):
    (workplace / "grid.yaml").write_text(
        "model: models/encoder\nmax_length: 16\nuse_cpu: true\ntrain_file: train.csv\nseeds: 1\noutput_dir: out\n"
        "objectives: [supervised, no_dropout]\nfew_shot: [4, 8]\nnoise: [none, 'label:0.25']\nsteps: [2]\n"
    )
    status, out, error = cmploss("compare grid.yaml")
    assert status == 0, error
    assert "4, 8 training examples · noise none, label:0.25 · encoder" in out
    assert [line for line in out.splitlines() if line in CONDITIONS] == CONDITIONS
    assert out.count("Verdict: ") == 4
    assert all(f"{condition}: no_dropout seed 0: accuracy " in error for condition in CONDITIONS)
    assert len(read_records(workplace / "out")) == 8
    again = cmploss(GRID)  # the same study as flags
    assert (again[0], again[1]) == (0, out)
    assert "8 runs are already finished" in again[2]


def test_several_data_sets(cmploss, workplace):
    for seed, name in enumerate(("one", "two", "three")):
        (workplace / f"{name}.csv").write_text(csv_of(reviews(30, seed=seed)))
    command = STUDY.replace("--train_file train.csv", "--tasks one.csv,two.csv,three.csv")
    command = f"{command},scl --max_steps 2"
    status, out, error = cmploss(f"{command} --dry_run")
    assert (status, out.count("Nothing was written."), (workplace / "out").exists()) == (0, 3, False), error
    status, out, error = cmploss(command)
    assert status == 0, error
    flat = " ".join(out.split())
    assert out.count("Verdict: ") == 4
    assert "Verdict: Over 3 data sets: " in flat
    assert "(Friedman p" in flat
    assert "Report     out/report.html" in out
    assert {record.benchmark.task for record in read_records(workplace / "out")} == {"one", "two", "three"}
    assert (workplace / "out" / "two" / "report.html").exists()
    for name in ("report.html", "report.md", "report.tex"):
        assert "Over 3 data sets" in (workplace / "out" / name).read_text()
    page = (workplace / "out" / "report.html").read_text()
    assert cmploss("report out")[0] == 0
    assert (workplace / "out" / "report.html").read_text().count("Over 3 data sets") == page.count("Over 3 data sets")
    again = cmploss("report out/one out/two out/three --output_file all.md --format md")
    assert " ".join(again[1].split()).partition("kB ")[2] in flat.split("Verdict: ")[-1]
    best = [read_best(workplace / "out" / name)["objective"] for name in ("one", "two", "three")]
    others = ",".join(sorted({"supervised", "no_dropout", "scl"} - {best[0]}))
    status, out, error = cmploss(command.replace("supervised,no_dropout,scl", others))
    assert status == 0, error
    assert out.count(f"has {best[0]}, of an earlier command with other rows; no checkpoint") == best.count(best[0])
    together = out.rpartition("Report     out/three/report.html")[2]
    assert [name in together for name in (best[0], *others.split(","))] == [False, True, True]
    one = cmploss(STUDY.replace("--output_dir out", "--output_dir out/one") + " --max_steps 2")
    assert (one[0], "already holds another run" in one[2]) == (2, True)  # of another file


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--tasks helpdesk",
            "must be data sets joined by commas, as in helpdesk,sst2,tickets.csv; got 'helpdesk'",
        ),
        ("--tasks helpdesk,,", "--tasks must be data sets joined by commas"),
        ("--tasks a/train.csv,b/train.csv", "two data sets would be called train; rename one of the files"),
        ("--tasks helpdesk,train.csv --train_file train.csv", "--tasks and --train_file exclude each other"),
        ("--tasks helpdesk,train.csv --stride 64", "--stride is for --task squad, "),
        ("--tasks helpdesk,squad --stride 64", "--task squad: "),  # out of reach here, but not refused for the option
        ("--tasks helpdesk,nothing", "--task 'nothing' is unknown"),
        ("--tasks helpdesk,train.csv --output_dir used", "used holds a study of one data set; choose another folder"),
    ],
)
def test_data_sets_that_are_refused(cmploss, workplace, options, message):
    (workplace / "used").mkdir()
    (workplace / "used" / "study.json").write_text("{}")
    status, out, error = cmploss(f"compare --model models/encoder --output_dir new {options}")
    assert (status, out, message in error) == (2, "", True), error
    assert not (workplace / "new").exists()


def test_processes_print_what_one_process_prints(cmploss):
    one = cmploss(f"{STUDY} --max_steps 2")
    two = cmploss(f"{STUDY} --max_steps 2 --jobs 2 --output_dir two")
    assert one[0] == two[0] == 0

    def scores(text):  # without the seconds, the last column
        rows = ("supervised ", "no_drop", "probe ", "tfidf ")
        lines = text.replace("two/", "out/").splitlines()
        return [line.rsplit(maxsplit=1)[0] if line.startswith(rows) else line for line in lines]

    assert scores(one[1]) == scores(two[1])
    messages = [sorted(line for line in text.splitlines() if "% done, " not in line) for text in (one[2], two[2])]
    assert messages[0] == messages[1]


@pytest.mark.parametrize("failing", ["supervised", "no_dropout"])
def test_a_baseline_that_failed_hides_nothing(cmploss, workplace, monkeypatch, failing):
    run_one = job_module.run_one

    def run(config, *args, **options):
        if config.objective == failing:
            raise MemoryError("too large")
        return run_one(config, *args, **options)

    monkeypatch.setattr(job_module, "run_one", run)
    status, out, error = cmploss(f"{STUDY} --max_steps 2")
    assert (status, "error" in error) == (1, False)
    assert f"Failed     out/{failing}/seed-0: MemoryError: too large" in out
    assert f"Without a finished run: {failing}." in out
    assert "Δ no_dropout" in out if failing == "supervised" else "Δ supervised" in out
    for page in ("report.html", "report.md", "report.tex"):
        assert "no_dropout" in (workplace / "out" / page).read_text()


def test_names_in_brackets_are_no_markup(cmploss, workplace):
    (workplace / "train[v2].csv").write_text((workplace / "train.csv").read_text().replace("bad", "[/x]"))
    command = f"{STUDY} --max_steps 2".replace("train.csv", "train[v2].csv")
    status, out, error = cmploss(f"{command} --output_dir o[/red]")
    assert status == 0, error
    assert "train[v2]" in out
    assert "train[v2].csv" in error
    assert "Report     o[/red]/report.html" in out
    status, out, error = cmploss("evaluate --model o[/red]/best --test_file train[v2].csv")
    assert status == 0, error
    assert "\n[/x]" in out


def test_a_failed_run_is_named_and_the_command_exits_1(cmploss, monkeypatch):
    run_one = job_module.run_one

    def run(config, *args, **options):
        if config.objective == "no_dropout":
            raise MemoryError("too large")
        return run_one(config, *args, **options)

    monkeypatch.setattr(job_module, "run_one", run)
    status, out, error = cmploss(f"{STUDY} --max_steps 2")
    assert status == 1
    assert "no_dropout seed 0 failed: MemoryError: too large" in error
    assert "Failed     out/no_dropout/seed-0: MemoryError: too large" in out
    assert "Run the same command again to retry them" in out
    monkeypatch.setattr(job_module, "run_one", run_one)
    status, out, _ = cmploss(f"{STUDY} --max_steps 2")
    assert status == 0
    assert "Failed" not in out


@pytest.mark.parametrize("command", ["compare", "train"])
def test_noise_is_in_the_settings(cmploss, settings_of, command):
    choice = "--objectives supervised --seeds 1" if command == "compare" else "--objective supervised"
    status, _, error = cmploss(
        f"{command} --model models/encoder --max_length 16 --use_cpu true --train_file train.csv --max_steps 2 "
        f"--noise typo:0.50 --output_dir out {choice}"
    )
    assert status == 0, error
    settings = settings_of("out/supervised/seed-0" if command == "compare" else "out")
    assert settings["noise"] == {"kind": "typo", "level": 0.5}


def test_transfer(cmploss, workplace):
    (workplace / "later.csv").write_text(csv_of(reviews(30, seed=3)))
    assert cmploss(f"{STUDY} --max_steps 2 --keep_checkpoints true")[0] == 0
    later = STUDY.replace("train.csv", "later.csv").replace("--output_dir out", "--output_dir later")
    status, _, error = cmploss(f"{later} --max_steps 2 --then out")
    assert status == 0, error
    assert {record.settings["then"]["task"] for record in read_records(workplace / "later")} == {"train"}
    assert cmploss(f"{later} --max_steps 2")[0] == 2  # these are other runs


def test_reports_of_something_else_are_not_overwritten(cmploss, workplace):
    (workplace / "out").mkdir()
    (workplace / "out" / "report.md").write_text("mine")
    for name in ("one", "two"):
        (workplace / f"{name}.csv").write_text(csv_of(reviews(30)))
    command = STUDY.replace("--train_file train.csv", "--tasks one.csv,two.csv") + " --max_steps 1"
    status, _, error = cmploss(command)
    assert (status, "--output_dir out has a report.md that compare --tasks did not write" in error) == (2, True)
    assert (workplace / "out" / "report.md").read_text() == "mine"


def test_an_estimate_names_the_pilot_runs(cmploss, workplace):
    status, out, _ = cmploss(f"{STUDY} --dry_run")
    assert status == 0
    assert "Pilot runs choose the number of steps, up to 16 times as many" in out
    assert "31 times the steps of a run of supervised" in out
    assert "Pilot runs" not in cmploss(f"{STUDY} --dry_run --max_steps 2")[1]
