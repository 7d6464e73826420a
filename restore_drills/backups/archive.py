"""archive_command: keep one file of the log in a folder, whole or not at all, and never another content under a name.

The server runs this, perhaps as a user that can read little else: it needs nothing but Python itself, as
`archive_command = 'python3 …/restore_drills/backups/archive.py "%p" /var/lib/wal-spool'`.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import sys
from pathlib import Path


class Refused(Exception):
    """The file is not kept; the server keeps it and tries again."""


def archive(source: Path, spool: Path) -> None:
    """Keep `source` in `spool`, synced, before this returns. The same file twice is well; another one is Refused."""
    target, part = spool / source.name, spool / f".{source.name}.{os.getpid()}"
    try:
        if not target.exists():
            shutil.copyfile(source, part)
            _sync(part)
            with contextlib.suppress(FileExistsError):  # somebody was quicker: compared below like any other
                os.link(part, target)
        if not filecmp.cmp(source, target, shallow=False):
            msg = (
                f"{target}: holds another content than {source}: two servers archive into one folder, or history forked"
            )
            raise Refused(msg)
        _sync(spool)
    except OSError as error:
        msg = (
            f"{spool}: {source.name} cannot be kept ({error.strerror}); make room, or give the server's user permission"
        )
        raise Refused(msg) from None
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


if __name__ == "__main__":
    try:
        archive(Path(sys.argv[1]), Path(sys.argv[2]))
    except (Refused, IndexError) as refused:
        sys.exit(f"archive: {refused}; usage: archive.py FILE FOLDER")
