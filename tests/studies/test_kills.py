"""A study that is killed at random moments, also inside its writes, or that finds the disk full, ends as any other.

``CMPLOSS_KILLS=50`` kills more often than the suite does.
"""

import json
import os
import random
import resource
import signal
import sys
import traceback

from cmploss.experiment import read_record
from cmploss.studies import Study, StudyConfig, run_study
from tests.studies.test_run import outcome

KILLS = int(os.environ.get("CMPLOSS_KILLS", "4"))
EVENTS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")


def finish_in_child(make, folder, kill_at=0, room=resource.RLIM_INFINITY):
    """Run the study in a child process, which kills itself before its n-th change of a file.

    Args:
        make: Folder -> study.
        folder: The folder of the study.
        kill_at: The number of the change; 0 for none.
        room: Bytes that fit into a file; a write beyond them fails, as on a full disk, in the middle of the file.

    Returns:
        The status of ``waitpid``: 0 where it has ended.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    seen = 0

    def look(event, values):
        nonlocal seen
        if event in EVENTS and str(values[0]).startswith(str(folder)) and (event != "open" or values[2] & os.O_ACCMODE):
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        sys.addaudithook(look)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        study = make(folder)
        study.check()
        list(run_study(study))
        (folder.parent / "seen").write_text(str(seen))
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def contents(folder):
    """What must be equal: every record but its times, the best checkpoint, and which files there are.

    Checkpoints that the user asked for do not count: one may have been killed while it was being removed.
    """
    records = {path.relative_to(folder): outcome(read_record(path)) for path in folder.glob("*/seed-*/record.json")}
    for record in records.values():  # a resumed log averages over fewer steps, and evaluations are timed
        record["history"] = [point["step"] for point in record["history"]]
    best: dict = {path.name: path.read_bytes() for path in (folder / "best").iterdir()}
    best["run.json"] = {**json.loads(best["run.json"]), "created": None}
    files = {path.relative_to(folder) for path in folder.rglob("*") if "checkpoint-" not in str(path)}
    return records, best, files


def maker(task, config_of):
    def make(folder):
        base = config_of("supervised", max_steps=4, save_strategy="steps", save_steps=2, save_total_limit=1)
        return Study(task, base, StudyConfig("supervised,comparative", seeds=1), folder)

    return make


def test_a_study_that_is_killed_ends_as_one_that_is_not(task, config_of, tmp_path):
    make = maker(task, config_of)
    assert finish_in_child(make, tmp_path / "whole") == 0
    events = int((tmp_path / "seen").read_text())
    assert events > 50  # control: the hook sees the writes
    folder, generator, killed = tmp_path / "killed", random.Random(0), 0
    while killed < KILLS:
        place = generator.randint(1, events)
        status = finish_in_child(make, folder, place)
        if status == 0:  # it had less left to do; begin another study
            assert contents(folder) == contents(tmp_path / "whole"), place
            folder = tmp_path / f"killed-{killed}"
            continue
        assert os.WTERMSIG(status) == signal.SIGKILL, place
        killed += 1
    assert finish_in_child(make, folder) == 0
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_study_that_finds_the_disk_full_ends_like_any_other(task, config_of, tmp_path):
    make = maker(task, config_of)
    assert finish_in_child(make, tmp_path / "whole") == 0
    files = [path.stat().st_size for path in (tmp_path / "whole").rglob("*") if path.is_file()]
    for room in (min(files) // 2, sorted(files)[len(files) // 2], max(files) - 1):
        folder = tmp_path / f"room-{room}"
        finish_in_child(make, folder, room=room)
        assert not (folder / "best").exists()
        assert finish_in_child(make, folder) == 0
        assert contents(folder) == contents(tmp_path / "whole"), room
