"""A team's own commands fetch and restore, and are heard where they complain."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.postgres import Postgres, database
from restore_drills.own.contract import Own
from restore_drills.own.copy import Failed
from restore_drills.own.tool import COMPLAINT
from tests.restore_drills.own.world import NEWEST, WHOLE, Fresh, based, dumped, restored, roles, superuser


def test_a_teams_tool_restores(source: tuple[Postgres, Path], fresh: Fresh, folder: Path) -> None:
    """Into a server that PG* variables and the address name, or into a data directory that is then started."""
    roles(source[0], folder)
    dumped(source[0], f"--file={folder / 'shop.sql'}")
    into_server = ("sh", "-c", 'psql -q -f roles.sql && psql -q -f shop.sql "{dsn}"')
    based(source[0], folder / "base")
    into_data = ("sh", "-c", "cp -a base/. {data}")

    assert restored(Own(newest=NEWEST, restore=into_server), folder, fresh) == WHOLE
    assert WHOLE == restored(Own(newest=NEWEST, restore=into_data, superuser=superuser(source[0])), folder)


def test_what_is_fetched_is_restored(source: tuple[Postgres, Path], fresh: Fresh, folder: Path) -> None:
    """A command brings the backup; PG* variables name the source; nothing of it is left."""
    fetch = ("sh", "-c", "pg_dump --no-privileges --no-owner --file={folder}/shop.sql && echo {folder} > where")
    own = Own(newest=NEWEST, fetch=fetch, path="{folder}/*.sql")

    assert restored(own, folder, fresh, database(source[0], "shop")) == WHOLE
    assert not Path((folder / "where").read_text().strip()).exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("sh", "-c", "echo 'P00  ERROR: [055]: unable to load info file'"), r"exit code 0: P00 ERROR: \[055\]"),
        (("sh", "-c", "psql -q -c 'SELECT nothing'; true"), 'column "nothing" does not exist'),
        (("false",), "exit code 1: it said nothing"),
        (("no-such-tool",), "cannot be run"),
        (("sh", "-c", "mkdir -p {data}/base"), "there is no PG_VERSION"),
    ],
)
def test_a_tool_that_fails_is_heard(fresh: Fresh, folder: Path, command: tuple[str, ...], said: str) -> None:
    """Whatever it ends with, and also where it wrote nothing."""
    with pytest.raises(Failed, match=said):
        restored(Own(newest=NEWEST, restore=command), folder, fresh)


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        ('psql:<stdin>:12: ERROR:  relation "x" does not exist', True),
        ("2026-11-25 10:00:01.123 P00  ERROR: [055]: unable to load info file", True),
        ("ERROR: 2026/11/25 10:00:01.123 Failed to fetch backup: LATEST", True),
        ("2026-11-25 10:00:01,123 [77] barman.server ERROR: no backup", True),
        ("pg_restore: error: could not execute query", True),
        ("pg_restore: warning: errors ignored on restore: 3", True),
        ("fatal error: An error occurred (404) when calling HeadObject: Not Found", True),
        ("INFO: restore command end: completed successfully (1234ms)", False),
        ("pg_restore: warning: some rows were slow", False),
        ("restored 12 tables, 0 errors", False),
        ("restore error_log (12 rows)", False),
    ],
)
def test_complaints_are_known(line: str, *, heard: bool) -> None:
    """As each tool words them, and no other line."""
    assert heard == bool(COMPLAINT.search(f"first line\n{line}\n"))
