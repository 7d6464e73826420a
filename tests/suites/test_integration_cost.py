"""What a request costs is read from PostgreSQL's own counters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from evidence.errors import CannotTell
from fixtures.postgres import postgres
from suites.integration.check_database import CONNECTIONS
from suites.integration.cost import Cost, Meter, end_sessions, increase

HELPING = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND backend_type = 'parallel worker'"
Meters = Callable[[], Meter]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A database that counts statements, with a table of two thousand rows and a role that reads it."""
    with postgres(settings={"shared_preload_libraries": "pg_stat_statements"}) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("CREATE ROLE shop LOGIN PASSWORD 'shop'")
            connection.execute("CREATE TABLE items AS SELECT id FROM generate_series(1, 2000) AS id")
            connection.execute("GRANT SELECT ON items TO shop")
        yield running.dsn


@pytest.fixture
def meter(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    """A meter of what that role does."""
    monkeypatch.setenv("TARGET_DATABASE", server)
    with psycopg.connect(server, autocommit=True) as connection:
        opened = Meter(connection, "shop", None)
        yield opened
        opened.close()


def as_shop(server: str) -> psycopg.Connection:
    """A connection of the application."""
    return psycopg.connect(server.replace(server.split("//")[1].split("@", maxsplit=1)[0], "shop:shop"))


def test_a_request_is_counted_and_its_scans_are_seen(server: str, meter: Meter) -> None:
    """Statements are counted without those of transactions; what was scanned is told by table, at once."""
    application = as_shop(server)

    def send() -> httpx.Response:
        for number in (1, 2, 3):
            application.execute("SELECT id FROM items WHERE id = %s", [number])
        application.commit()
        return httpx.Response(200)

    meter.wait_until_quiet()
    cost = meter.of(send, 200)

    assert (200, 3, {"public.items": 6000}) == (cost.status, cost.queries, cost.scanned)
    assert "3 times SELECT id FROM items WHERE id = $1" == cost.most_often


def test_a_request_that_fails_at_first_is_asked_again(meter: Meter) -> None:
    """A connection that we ended may fail one request; its cost is that of the one that worked."""
    answers = iter([503, 503, 200])

    assert 200 == meter.of(lambda: httpx.Response(next(answers)), 200).status


def test_a_request_that_goes_on_failing_is_told(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never answers as it should ends in time, with what it answered."""
    monkeypatch.setattr("suites.integration.cost.ANSWERED_WITHIN_S", 0.05)

    assert 500 == meter.of(lambda: httpx.Response(500), 200).status


def test_sessions_are_ended(server: str) -> None:
    """Every session of the role is ended, and only those."""
    first, second = as_shop(server), as_shop(server)
    with psycopg.connect(server, autocommit=True) as connection:
        assert 2 == end_sessions(connection, "shop")
        assert 0 == end_sessions(connection, "shop")
        assert connection.execute("SELECT 1").fetchone() == (1,)
    for ended in (first, second):
        with pytest.raises(psycopg.OperationalError):
            ended.execute("SELECT 1")


def test_others_who_ask_are_not_counted_as_ours(server: str, meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the role is never quiet nothing is told of a request."""
    monkeypatch.setattr("suites.integration.cost.QUIET_S", 0.1)
    monkeypatch.setattr("suites.integration.cost.QUIET_WITHIN_S", 0.3)
    over = threading.Event()

    def busy() -> None:
        with as_shop(server) as application:
            while not over.wait(0.005):
                application.execute("SELECT 1")

    with_others = threading.Thread(target=busy)
    with_others.start()
    try:
        with pytest.raises(CannotTell, match="never quiet"):
            meter.wait_until_quiet()
    finally:
        over.set()
        with_others.join()


def test_a_server_that_does_not_count_is_told(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pg_stat_statements nothing is counted, and the message says what is missing."""
    monkeypatch.setenv("TARGET_DATABASE", server)
    with (
        psycopg.connect(server, autocommit=True) as connection,
        pytest.raises(CannotTell, match="pg_stat_statements must be in shared_preload_libraries"),
    ):
        Meter(connection, "shop", "template1")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [({}, {"a": 1}, {"a": 1}), ({"a": 1}, {"a": 1}, {}), ({"a": 1, "b": 5}, {"a": 3}, {"a": 2})],
)
def test_only_what_came_in_between_counts(
    before: dict[str, int], after: dict[str, int], expected: dict[str, int]
) -> None:
    """Counters are compared, whatever they stood at."""
    assert expected == increase(before, after)


def test_a_request_that_asks_nothing_costs_nothing() -> None:
    """No statement is no cost, and no error."""
    assert (0, "0 times nothing") == ((cost := Cost(status=200, statements={}, scanned={})).queries, cost.most_often)


def test_a_worker_that_helps_is_no_connection(server: str) -> None:
    """It has the role's name, and the application opened no more than one."""
    application, looking = as_shop(server), psycopg.connect(server, autocommit=True)
    application.execute("SET debug_parallel_query = on")
    asked = threading.Thread(target=application.execute, args=("SELECT count(*), pg_sleep(1) FROM items",))
    asked.start()
    seen: set[tuple[int, int]] = set()
    while asked.is_alive():
        helping = looking.execute(HELPING, ["shop"]).fetchone()
        counted = looking.execute(CONNECTIONS, ["shop"]).fetchone()
        assert helping
        assert counted
        seen.add((helping[0], counted[0]))
    application.close()

    assert {(0, 1), (1, 1)} == seen | {(0, 1)}
