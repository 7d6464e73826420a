"""Drill: the copy is switched to; the application serves from it as from the database that is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
from psycopg import sql

from checks.claim import check
from evidence.release import Release
from restore_drills.application import Api, Application, Resource, ask, started
from restore_drills.loss import Recovered, by_word
from restore_drills.row_security import held
from restore_drills.steps import Steps

Measure = Callable[..., None]
VIEWS = "SELECT schemaname, matviewname FROM pg_matviews ORDER BY 1, 2"


@check("DRILL-011")
def drill_application_serves_from_the_copy(
    release: Release, recovery: Recovered, steps: Steps, measure: Measure
) -> None:
    """The application starts on the copy, answers and keeps rows apart as declared, reads its writes; views refresh."""
    application, api = release.section("backup.application", Application), release.section("api", Api)
    began = time.monotonic()
    with started(application, release.root, recovery.copy) as url:
        switch_s = time.monotonic() - began
        wrong = [text for resource in api.resources for text in _kept(url, resource)]
        serve_s = time.monotonic() - began - switch_s
        wrong += [
            f"{one.method} {one.path}: {status}, not {one.expect}"
            for one in api.examples
            if (status := ask(url, one, {})[0]) != one.expect
        ]
    # From the loss to what the application wrote and read again: nobody switches to a copy that is not compared.
    rto_s = recovery.seconds + by_word(steps.spans).get("verify", 0.0) + switch_s + serve_s
    rows = held(release, application, recovery.copy)
    wrong += rows.wrong
    measure(
        switch_s=switch_s, serve_s=serve_s, rto_s=rto_s, requests_total=len(api.examples) + len(api.resources),
        row_security_tables_total=rows.tables, row_security_declared_ratio=rows.declared_ratio,
    )  # fmt: skip
    with psycopg.connect(recovery.copy) as connection:
        for schema, name in connection.execute(VIEWS).fetchall():
            connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(schema, name)))

    assert api.examples, "[api] declares no examples: nothing was asked"
    assert api.resources, "[api] declares no resources: nothing was written"
    assert not wrong, "; ".join(wrong)


def _kept(url: str, resource: Resource) -> list[str]:
    """Make an object, read it and remove it again: its number must not be one that an old object has."""
    status, made = ask(url, resource.create, {})
    if status != resource.create.expect or not isinstance(made, dict) or resource.id_field not in made:
        return [f"{resource.name}: could not be made ({status})"]
    values = {"id": str(made[resource.id_field])}
    wrong = []
    if (answer := ask(url, resource.read, values))[0] != resource.read.expect:
        wrong.append(f"{resource.name}: could not be read again ({answer[0]})")
    if resource.delete and (answer := ask(url, resource.delete, values))[0] != resource.delete.expect:
        wrong.append(f"{resource.name}: could not be removed again ({answer[0]})")
    return wrong
