"""What a team's job does: `python -m tests.restore_drills.to_s3 FOLDER s3://BUCKET/PREFIX` copies all of a folder."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from restore_drills.backups.s3 import S3


def main(folder: Path, address: str) -> None:
    """Copy."""
    store = S3(address)
    with tempfile.TemporaryDirectory() as name:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            shutil.copyfile(path, Path(name, "object"))  # a put may take its file away
            store.put(path.relative_to(folder).as_posix(), Path(name, "object"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
