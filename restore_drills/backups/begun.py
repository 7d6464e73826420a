"""A store is begun once, and by a person: an empty place may be a new one, or a disk that is not mounted."""

from __future__ import annotations

import tempfile
from pathlib import Path

from evidence.errors import InputError
from restore_drills.backups.store import Store

MARK = "store.json"
"""What lies in a store from its beginning, so that it is never empty again."""
EMPTY = "holds nothing at all: it is not mounted, or was never begun"


def begun(store: Store) -> bool:
    """Tell whether there is anything; what was backed up to before there were marks counts too."""
    return next(iter(store.list("")), None) is not None


def begin(store: Store) -> None:
    """Leave the mark."""
    with tempfile.TemporaryDirectory(prefix="release-verification-") as folder:
        path = Path(folder, MARK)
        path.write_text('{"store": "of the backups of a release verification suite"}\n')
        store.put(MARK, path)


def expect(store: Store, *, new: bool) -> None:
    """Begin it where it is said to be new; InputError where that is not so, or where it is empty and should not be."""
    if begun(store) == new:
        if new:
            msg = f"{store.name}: was begun already; leave out --init, which is for the first run alone"
        else:
            msg = f"{store.name}: {EMPTY}; mount it, or begin it by --init"
        raise InputError(msg)
    if new:
        begin(store)
