"""The schema can move forward and back while the release is used."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import psycopg
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell, InputError
from evidence.release import Release
from evidence.variables import resolve
from suites.integration import locks, schema, traffic
from suites.integration.contract import Database, Migrations
from suites.statements import address

MIGRATION_WITHIN_S = 60
BOOKKEEPING = ("migration", "version")
"""What migration tools leave behind in an empty database: a table by one of these words."""


class Fresh:
    """An empty database that is migrated forward once, however many checks ask for it."""

    def __init__(self, release: Release, url: str) -> None:
        """Nothing is migrated yet."""
        self._release, self.url = release, url
        self.empty = schema.read(url)

    @cached_property
    def schema(self) -> schema.Objects:
        """The schema that the migrations make; an assertion where they fail."""
        _migrate(self._release, _declared(self._release).forward, self.url)
        return schema.read(self.url)


@pytest.fixture(scope="module")
def fresh(release: Release) -> Iterator[Fresh]:
    """An empty database of our own beside the release's."""
    _declared(release)
    with schema.scratch() as url:
        yield Fresh(release, url)


@check("DB-007", needs="write")
def check_the_database_is_what_its_migrations_make(release: Release, fresh: Fresh, findings: Findings) -> None:
    """The running database has the schema that its migrations make, and the models ask for no other."""
    for place, what in schema.differences(fresh.schema, schema.read(address())):
        findings.add(place=place, what=f"{what}, going by the migrations")
    migrations = _declared(release)
    if migrations.drift:
        said = _run(release, migrations, migrations.drift, address())
        if said.returncode:
            findings.add(place="the release's own command for drift", what=(said.stdout + said.stderr)[-500:])


@check("DB-001", needs="write")
def check_migrations_go_back_and_forth(release: Release, fresh: Fresh) -> None:
    """Forward, back and forward again leaves the same schema, and back leaves none of it."""
    migrations = _declared(release)
    assert fresh.schema != fresh.empty, "the migrations made nothing"
    _migrate(release, migrations.back, fresh.url)
    left = schema.differences(fresh.empty, schema.read(fresh.url))
    _migrate(release, migrations.forward, fresh.url)

    assert [] == [each for each in left if not any(word in each[0].lower() for word in BOOKKEEPING)]
    assert [] == schema.differences(fresh.schema, schema.read(fresh.url))


@check("DB-005")
def check_migrations_do_not_stop_the_traffic(
    release: Release, measure: Callable[..., None], findings: Findings
) -> None:
    """No migration since the last release locks a table while it reads or rewrites it, or breaks who is running."""
    migrations = _declared(release)
    if not migrations.files:
        pytest.skip("[database.migrations] declares no `files`")
    found = sorted({path for pattern in migrations.files for path in release.root.glob(pattern)})
    if migrations.released and migrations.released not in {path.name for path in found}:
        msg = f"{release.path}: [database.migrations] released: no file of `files` is named {migrations.released!r}"
        raise InputError(msg)
    if not found:
        msg = f"{release.path}: [database.migrations] files: no file is named {', '.join(migrations.files)}"
        raise InputError(msg)
    new = [path for path in found if path.name > migrations.released]
    measure(files_total=len(found), new_total=len(new))
    for place, what in locks.lint(new, in_transaction=migrations.in_transaction) if new else ():
        findings.add(place=place, what=what)


@check("DB-006", needs="write")
def check_requests_go_on_while_it_migrates(
    release: Release, database: Database, sql: psycopg.Connection, measure: Callable[..., None], findings: Findings
) -> None:
    """On a copy with its data, going forward from the last release's schema and back fails no read or write."""
    migrations = _declared(release)
    if not migrations.undo or not migrations.traffic or not database.role:
        pytest.skip("[database.migrations] declares no `undo` and `traffic`, or [database] no `role`")
    _small_enough(sql, migrations)
    with schema.scratch() as url:
        schema.copy(address(), url)
        now = schema.read(url)
        _migrate(release, migrations.undo, url)
        before = schema.read(url)
        with traffic.going_on(url, resolve(database.role), migrations.traffic, migrations.within_ms) as seen:
            _migrate(release, migrations.forward, url)
            forward = schema.read(url)
            _migrate(release, migrations.undo, url)
        measure(
            statements_total=min(one.done for one in seen.values()),
            slowest_ms=max(one.slowest_ms for one in seen.values()),
        )
        for name, one in seen.items():
            for message, times in one.failures.items():
                findings.add(place=f"{name}: {message}", what=f"{times} of {one.done} failed while it migrated")

        assert before != now, "`undo` takes nothing back: there was no migration to look at"
        assert [] == schema.differences(now, forward)
        assert [] == schema.differences(before, schema.read(url))


def _declared(release: Release) -> Migrations:
    migrations = release.section("database", Database).migrations
    if migrations is None:
        pytest.skip("[database.migrations] is not declared")
    return migrations


def _small_enough(sql: psycopg.Connection, migrations: Migrations) -> None:
    row = sql.execute("SELECT pg_database_size(current_database()) / 1000000").fetchone()
    if row is None or row[0] > migrations.copy_max_mb:
        msg = f"the database has {row and row[0]} MB, more than [database.migrations] copy_max_mb: it is not copied"
        raise CannotTell(msg)


def _migrate(release: Release, command: Sequence[str], url: str) -> None:
    done = _run(release, _declared(release), command, url)
    assert 0 == done.returncode, f"{' '.join(command)}: {done.stderr[-2000:]}"


def _run(
    release: Release, migrations: Migrations, command: Sequence[str], url: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **resolve(migrations.env), migrations.url_env: url}
    return subprocess.run(  # noqa: S603 - the release's own command
        command, cwd=release.root, env=environment, capture_output=True, text=True,
        timeout=MIGRATION_WITHIN_S, check=False,
    )  # fmt: skip
