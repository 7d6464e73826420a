"""Which backup is brought back where a manifest cannot be read: never an older one in silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from evidence.errors import InputError
from restore_drills.backups.model import ID, Damaged, Manifest
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, choose
from restore_drills.backups.store import Missing, StoreError

MOMENT = slice(16)
"""Where in its id a backup says when it was begun."""


def chosen(repository: Repository, name: str | None, target: Target) -> Manifest:
    """Choose the one that is named, whatever else is wrong in the store, or the newest that leads to the target.

    Where something newer is damaged, it is refused by name: who wants an older one says so.
    """
    if name is None:
        return _newest(repository, target)
    try:
        one = repository.read(name)
    except Missing:
        msg = f"{name}: is no backup of this store; `list` shows them"
        raise InputError(msg) from None
    try:
        _told(repository, repository.looked()[1].values())
    except StoreError as problem:
        _told(repository, [problem])
    return one


def _newest(repository: Repository, target: Target) -> Manifest:
    manifests, wrong = repository.looked()
    _told(repository, wrong.values())
    meant = [name for name in sorted(wrong) if _meant(name, target)]
    try:
        one = choose(manifests, target)
    except InputError:
        if not meant:
            raise
        raise wrong[meant[-1]] from None
    if meant and meant[-1][MOMENT] >= one.id[MOMENT]:
        problem = wrong[meant[-1]]
        msg = f"{problem}; it is newer than {one.id}: name the one that is to be brought back (`restore {one.id}`)"
        raise type(problem)(msg)
    return one


def _meant(name: str, target: Target) -> bool:
    """Whether it might have been chosen: data files, begun before the moment that is asked for."""
    if not (said := ID.fullmatch(name)) or said[1] == "logical":
        return False
    begun = dt.datetime.strptime(name[MOMENT], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    return target.kind != "time" or begun <= dt.datetime.fromisoformat(target.value)


def _told(repository: Repository, problems: Iterable[Damaged | StoreError]) -> None:
    for problem in problems:
        repository.say(f"FOUND {problem}")
