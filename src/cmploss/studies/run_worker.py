"""``python -m cmploss.studies.run_worker FOLDER``: do the job that ``job.pickle`` in the folder describes."""

import json
import os
import pickle
import signal
import sys
import threading
from pathlib import Path

from cmploss.devices import set_threads
from cmploss.experiment.run_dir import JOB_FILE
from cmploss.studies.executor import INTERRUPTED, attempt
from cmploss.studies.quiet import quiet_libraries


def work(folder: Path) -> int:
    """Do the job of a folder; returns the exit status.

    Progress goes to standard output, one JSON object a line; what libraries print there goes to standard error.
    """
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()

    def advance(passes: int) -> None:
        print(json.dumps({"passes": passes}), file=channel, flush=True)

    def do() -> bool:
        entry = pickle.loads((folder / JOB_FILE).read_bytes())
        set_threads(entry["threads"])
        return bool(entry["job"].do(pickle.loads(Path(entry["task"]).read_bytes()), advance))

    try:
        quiet_libraries()
        attempt(folder, do)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _interrupt_at_end_of_input() -> None:
    """As Ctrl-C, once standard input is closed: the study asks for it, or has ended."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
