"""``python -m cmploss.studies.run_worker FOLDER``: do the job that standard input describes, in its folder."""

import json
import os
import pickle
import signal
import sys
import threading
from pathlib import Path

from cmploss.devices import set_threads
from cmploss.errors import exit_status
from cmploss.studies.executor import attempt
from cmploss.studies.quiet import quiet_libraries


def work(folder: Path) -> int:
    """Do a job; returns the exit status.

    Progress goes to standard output, one JSON object per line; what libraries print goes to standard error.
    """
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def advance(passes: int) -> None:
        print(json.dumps({"passes": passes}), file=channel, flush=True)

    def do() -> int:
        try:
            # Only the study that has started this process writes to its standard input.
            (threads, task), job = pickle.load(sys.stdin.buffer), pickle.load(sys.stdin.buffer)
        except EOFError:  # the study has ended or is stopping
            raise KeyboardInterrupt from None
        threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
        set_threads(threads)
        return int(job.do(task, advance))

    try:
        quiet_libraries()
        attempt(folder, do)
    except KeyboardInterrupt as interrupt:
        return exit_status(interrupt)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the study closes standard input before the process is gone
    return 0


def _interrupt_at_end_of_input() -> None:
    """Act as on Ctrl-C when standard input is closed: the study is stopping or has ended."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
