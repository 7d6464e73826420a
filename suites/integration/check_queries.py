"""A request costs the database what it may, and connections that break are replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, Request
from suites.integration.contract import Costly, Database
from suites.integration.cost import Cost, Meter, end_sessions
from suites.statements import address, connect

BACK_WITHIN_S = 5.0
ONE_BY_ONE = 3
Costs = list[tuple[Costly, Cost]]


@pytest.fixture(scope="module")
def costs(release: Release) -> Callable[[], Costs]:
    """What each declared request costs, asked once for all checks."""
    database = release.section("database", Database)
    seen: Costs = []

    def ask() -> Costs:
        if not database.requests or not database.role:
            pytest.skip("[database] declares no `role`, or [[database.requests]] no request")
        if not seen:
            with connect(address()) as connection:
                meter = Meter(connection, resolve(database.role), database.statistics)
                meter.wait_until_quiet()
                with Client() as http:
                    seen.extend((each, _cost(meter, each.request, http)) for each in database.requests)
                meter.close()
        if not any(cost.queries for _, cost in seen):
            message = (
                f"[database] role: {resolve(database.role)} ran no statement at all for any of [[database.requests]]"
            )
            raise CannotTell(message)
        return seen

    return ask


@check("DB-008", needs="attack")
def check_requests_ask_no_more_than_they_may(
    costs: Callable[[], Costs], measure: Callable[..., None], findings: Findings
) -> None:
    """No declared request runs more statements than it may, as one that asks again for every row does."""
    asked = costs()
    measure(requests_total=len(asked), queries_max=max(cost.queries for _, cost in asked))
    for costly, cost in asked:
        if cost.status != costly.request.expect:
            findings.add(place=_name(costly.request), what=f"it answers {cost.status}, not {costly.request.expect}")
        elif cost.queries > costly.max_queries:
            what = f"{cost.queries} statements, more than {costly.max_queries}; most often: {cost.most_often}"
            findings.add(place=_name(costly.request), what=what)


@check("DB-009", needs="attack")
def check_requests_scan_no_large_table(
    costs: Callable[[], Costs], release: Release, measure: Callable[..., None], findings: Findings
) -> None:
    """No declared request reads more rows of a table than it may by scanning the whole of it."""
    most = release.section("database", Database).scan_rows
    asked = costs()
    if odd := [_name(each.request) for each, cost in asked if cost.status != each.request.expect]:
        message = f"[[database.requests]]: {', '.join(odd)} is not answered as it should be: what it reads was not seen"
        raise CannotTell(message)
    measure(requests_total=len(asked), rows_max=max((*_rows(asked), 0)))
    for costly, cost in asked:
        for table, rows in cost.scanned.items():
            if rows > most:
                findings.add(
                    place=f"{_name(costly.request)} {table}", what=f"a scan of the table reads more than {most} rows"
                )


@check("DB-010", needs="attack")
def check_ended_connections_are_replaced(
    release: Release, sql: psycopg.Connection, measure: Callable[..., None]
) -> None:
    """When the server ends every connection of the pool the release goes on answering, by itself."""
    database = release.section("database", Database)
    pool, role = database.pool, resolve(database.role or "")
    if pool is None or not role:
        pytest.skip("[database] declares no `role`, or [database.pool] is not declared")
    with Client() as http, ThreadPoolExecutor(pool.max) as threads:
        list(threads.map(lambda _: _answers(http, pool.request), range(2 * pool.max)))
        ended = end_sessions(sql, role)
        if not ended:
            message = f"[database] role: {role} has no connection that could be ended; mend the name"
            raise CannotTell(message)
        # One by one, and then many at once: each finds another connection that has ended.
        answered = [_answers(http, pool.request) for _ in range(ONE_BY_ONE)]
        answered += threads.map(lambda _: _answers(http, pool.request), range(2 * pool.max))
        measure(ended_total=ended, failed_total=answered.count(False))
        deadline = time.monotonic() + BACK_WITHIN_S
        while not (back := _answers(http, pool.request)) and time.monotonic() < deadline:
            time.sleep(0.1)

        assert back, f"{_name(pool.request)} still fails {BACK_WITHIN_S:g} s after its connections were ended"


def _cost(meter: Meter, request: Request, http: httpx.Client) -> Cost:
    return meter.of(lambda: request.send(http), request.expect)


def _rows(asked: Costs) -> Iterator[int]:
    return (rows for _, cost in asked for rows in cost.scanned.values())


def _answers(http: httpx.Client, request: Request) -> bool:
    try:
        return request.send(http).status_code == request.expect
    except httpx.TransportError:
        return False


def _name(request: Request) -> str:
    return f"{request.method} {request.path}"
