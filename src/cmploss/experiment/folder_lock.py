"""One command at a time in a folder of results."""

import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cmploss.atomic import is_leftover
from cmploss.errors import UserError

if sys.platform != "win32":
    import fcntl

LOCK_FILE = ".lock"
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # some network file systems


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a folder, which is made if needed, and remove what processes that were killed left of files in it.

    The operating system frees a lock when its process ends, in whatever way. Of the processes of a distributed run the
    first one holds it. Not for two threads of one process. A ``shared`` lock excludes only others, and
    removes nothing.

    Raises:
        UserError: Another process holds the folder, or it cannot be written.
    """
    if int(os.environ.get("RANK", "0")):
        yield
        return
    path = folder / LOCK_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output_dir {folder} cannot be written: {error.strerror}") from error
    with file:
        if not _lock(path, file, shared=shared):
            file.seek(0)
            holder = file.read() or "another process"
            raise UserError(f"--output_dir {folder} is in use by {holder}; wait until it ends")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        left = [] if shared else [each for each in folder.rglob("*") if is_leftover(each) or _is_lock_below(each, path)]
        for leftover in left:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
        try:
            yield
        finally:
            if not shared:
                path.unlink(missing_ok=True)


def _is_lock_below(path: Path, own: Path) -> bool:
    return path.name == own.name and path != own


def _lock(path: Path, file: IO[str], *, shared: bool) -> bool:
    """Lock a file if no other process has locked it; child processes do not inherit the lock."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.lockf(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _UNSUPPORTED
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
