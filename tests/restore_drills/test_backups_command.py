"""The command, as people and cron call it: one line of JSON, an exit code, and nothing lost however it is killed."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from fixtures.postgres import Postgres
from tests.restore_drills.backups_called import run, started
from tests.restore_drills.backups_world import repository


def test_a_day_of_backups(folder: Path, server: Postgres) -> None:
    """Back up, list, verify, prune and restore; each says on one line of JSON what it did."""
    code, full, said = run(folder, server, "full")
    assert (0, "full", True) == (code, full["command"], full["ok"])
    assert "committed" in said
    _, one, _ = run(folder, server, "incremental")
    assert [full["id"]] == one["parents"]
    _, dump, _ = run(folder, server, "logical", "--quiet")
    _, newer, _ = run(folder, server, "full")
    code, listed, _ = run(folder, server, "list")
    assert [each["id"] for each in (full, one, dump, newer)] == [each["id"] for each in listed["backups"]]
    code, verified, said = run(folder, server, "verify")
    assert (0, [], 4) == (code, verified["findings"], len(verified["verified"])), said
    code, proven, said = run(folder, server, "verify", one["id"], "--restore")
    assert (0, [one["id"]], True) == (code, proven["verified"], proven["restored"]), said
    _, planned, _ = run(folder, server, "prune")
    assert (False, []) == (planned["removed"], planned["backups"]), "the older full backup is still needed"
    assert [f"needed by {one['id']}"] == planned["keep"][full["id"]]


def test_a_backup_is_brought_back(folder: Path, server: Postgres) -> None:
    """Into a fresh folder, whose server archives nothing; and never over something."""
    folder.joinpath("x").mkdir()
    _, full, _ = run(folder, server, "full")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        target = Path("/tmp") / f"release-verification-restore-{os.getpid()}"  # noqa: S108 - the server's user must pass
        code, told, said = run(folder, server, "restore", "--to", str(target))
        again, refused, _ = run(folder, server, "restore", "--to", str(target))
    settings = (target / "data" / "postgresql.auto.conf").read_text()
    subprocess.run(["rm", "-rf", str(target)], check=True)

    assert (0, full["id"], str(target / "data")) == (code, told["id"], told["to"]), said
    assert "archive_mode = off" in settings
    assert 2 == again
    assert "is not empty" in refused["error"]


@pytest.mark.parametrize(
    "case",
    [
        (["incremental"], None, 2, "take `full` first"),
        (["restore", "--to", "x"], None, 2, "no physical backup"),
        (["restore", "nope", "--to", "x"], None, 2, "nope: is no backup of this store"),
        (["wal"], None, 2, "`wal` is missing"),
        (["verify"], None, 1, "holds no backup"),
        (["list"], "store = 7", 2, "backup.toml: Expected `str`, got `int` - at `$.store`"),
        (["list"], "stor = ''", 2, "unknown field `stor`"),
        (["list"], "[", 2, "is not valid TOML"),
        (["list"], "store = '${NOT_SET_ANYWHERE}'", 2, "variable NOT_SET_ANYWHERE is not set"),
        (["list"], "store = 'ftp://x'\ndatabase = ''", 2, "neither a folder nor s3://"),
        (["prune"], "store = 's'\ndatabase = ''\n[keep.full]\ndaily = -1", 2, "keep"),
    ],
)
def test_mistakes_are_one_sentence(
    folder: Path, server: Postgres, case: tuple[list[str], str | None, int, str]
) -> None:
    """File, field and value, on stderr and for machines; nothing is a traceback."""
    arguments, text, code, said = case
    if text:
        (folder / "backup.toml").write_text(text)
    ended, told, err = run(folder, server, *arguments)

    assert code == ended
    assert not told["ok"]
    assert said in str(told)
    assert "Traceback" not in err


def test_an_engine_that_is_not_there_is_no_damage(
    folder: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup is not called damaged where only the container that it would be tried in cannot be had."""
    run(folder, server, "full", "--quiet")
    monkeypatch.setenv("RELEASE_POSTGRES", "container")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    code, told, err = run(folder, server, "verify", "--restore")

    assert 2 == code
    assert "no container engine answers" in told["error"]
    assert "Traceback" not in err


def test_help_teaches(folder: Path, server: Postgres) -> None:
    """Every command stands in it with what it does."""
    process = started(folder, server, "--help")
    out, _ = process.communicate()

    assert {"full", "incremental", "logical", "wal", "offsite", "list", "verify", "prune", "restore"} <= set(
        out.replace("|", " ").split()
    )


def test_two_at_once(folder: Path, server: Postgres) -> None:
    """The second is refused, and with --wait it waits; a list is given meanwhile."""
    place = repository(folder / "the store")
    with place.lock():
        refused = [run(folder, server, *arguments) for arguments in (["prune", "--yes"], ["verify"])]
        listed, _, _ = run(folder, server, "list")
        waiting = started(folder, server, "prune", "--yes", "--wait", "60")
        time.sleep(1)
    waiting.communicate()

    assert [(2, True)] * 2 == [
        (code, "another backup or prune is running" in told["error"]) for code, told, _ in refused
    ]
    assert (0, 0) == (listed, waiting.returncode)


def test_a_disk_that_is_full_is_said_and_loses_nothing(folder: Path, server: Postgres) -> None:
    """A file may grow to 8 MB here: the backup fails in one sentence, and the next run sweeps it away."""
    code, told, err = run(folder, server, "full", limit="ulimit -f 8192;")
    assert 2 == code, err
    assert "Traceback" not in err
    assert "error" in told
    code, swept, _ = run(folder, server, "prune", "--yes")

    assert (0, {}) == (code, swept["keep"])
    assert ["lock"] == [path.name for path in (folder / "the store" / ".work").iterdir()]
