"""Row-level security holds in the database itself, for the application's own role."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.release import Release
from evidence.variables import resolve
from fixtures import row_security
from fixtures.row_security import Application, People
from suites.integration.contract import Database


@check("DB-011", needs="write")
def check_rows_are_seen_by_whose_they_are(
    release: Release, sql: psycopg.Connection, measure: Callable[..., None], findings: Findings
) -> None:
    """As the application's role nobody sees or removes another's rows, and who does not say who they are sees none."""
    database = release.section("database", Database)
    declared, role = database.row_security, resolve(database.role or "")
    if declared is None or not role:
        pytest.skip("[database] declares no `role`, or [database.row_security] is not declared")
    measure(tables_total=len(declared.tables))
    people = People(declared.identity, resolve(declared.user), resolve(declared.other))
    for what in row_security.powers(sql, role):
        findings.add(place="the application's role", what=what)
    for table in declared.tables:
        if what := row_security.unguarded(sql, role, table):
            findings.add(place=table, what=what)
        for place, what in row_security.problems(row_security.look(sql, Application(sql, role), people, table)):
            findings.add(place=f"{table} {place}", what=what)
