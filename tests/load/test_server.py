"""What is seen of the release's own side: real processes, a real PostgreSQL, and what cannot be seen, said."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from evidence.chart import Lines, encode
from evidence.model import Outcome
from fixtures.postgres import postgres
from load.measurement import Span, Vitals
from load.server import NO_DATABASE, NO_PROCESS, Moment, Server, Statement, shown, watched
from load.server_charts import server_charts
from load.summary import summary
from tests.load.test_checks import measured, sample, steady
from tests.load.test_stage import DECLARED, ran

BUSY = "import time\nheld = bytearray(50_000_000)\nprint(flush=True)\nwhile True: sum(range(9000)); time.sleep(0.002)\n"
SLOW = "SELECT count(*), 'a word' FROM items WHERE id > %s AND pg_sleep(0.1) IS NOT NULL AND name <> 'secret'"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A server that counts statements, and a role that may read one row of its table."""
    with postgres(settings={"shared_preload_libraries": "pg_stat_statements"}) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("CREATE TABLE items AS SELECT id, 'x' AS name FROM generate_series(1, 20) AS id")
        yield running.dsn


def environment(**variables: str) -> dict[str, str]:
    """Ours, without what a stage that these tests run in may have been told."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith("TARGET_")}, **variables}


def test_a_busy_process_is_seen_with_its_child() -> None:
    """Processor and memory are those of the whole family, once a second, on the machine's clock."""
    parent = f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {BUSY!r}])\nchild.wait()\n"
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as alone:
        assert alone.stdout is not None
        alone.stdout.readline()
        with (
            subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as family,
            watched(None, environment(TARGET_PID=str(family.pid))) as watching,
        ):
            time.sleep(2.5)
            server = watching.end().since(began)
            psutil.Process(family.pid).children()[0].kill()
        alone.kill()
    first, *later = server.moments

    assert (None, True) == (first.cpu_cores, len(later) >= 2)
    assert all(moment.cpu_cores is not None and 0 < moment.cpu_cores < 1.5 for moment in later)
    # Only the child holds 50 MB: that of the other one is not the family's.
    assert 50 < sum(later[-1].own_mib.values()) < 90 < (later[-1].resident_mib or 0) + 50
    assert (2, [NO_DATABASE]) == (len(later[-1].own_mib), list(server.notes))
    assert 0 < first.at_s < later[0].at_s < time.perf_counter() - began


def test_statements_are_told_by_cost_and_planned(database: str) -> None:
    """What ran in between is told with its calls, the costliest planned, and no constant is in text or plan."""
    with psycopg.connect(database, autocommit=True) as application:
        application.execute("SELECT name FROM items WHERE id = %s", [3])
        with watched(None, environment(TARGET_DATABASE=database)) as watching:
            for number in (1, 2, 3):
                application.execute("SELECT name FROM items WHERE id = %s", [number])
            application.execute(SLOW, [18])
            application.execute("CREATE ROLE somebody PASSWORD 'hunter2'")
            time.sleep(1.2)
            server = watching.end()
        application.execute("DROP ROLE somebody")
    told = {one.query: one.calls for one in server.statements}

    assert "SELECT count(*), " in server.statements[0].query
    assert 150 < server.statements[0].mean_ms < 2000
    assert "Seq Scan on items" in server.statements[0].plan
    assert (3, 1) == (told["SELECT name FROM items WHERE id = $1"], told["CREATE …"])
    assert not {"hunter2", "secret", "a word"} & set(f"{server.why()} {server}".replace("'", " ").split())
    assert not any("pg_stat" in query for query in told)
    assert 1 < sum("    " in line and "items" in line for line in server.why().splitlines()), (
        "a plan for each of the worst"
    )
    assert {(1, 0, 0)} == {(one.connections, one.active, one.blocked) for one in server.moments}
    assert (NO_PROCESS,) == server.notes


def test_statements_are_counted_second_by_second(database: str) -> None:
    """How many ended, and how long they took: what is slow at one time stands at that time, and is not ours."""
    with psycopg.connect(database, autocommit=True) as application:
        application.execute("SELECT name FROM items WHERE id = %s", [3])
        with watched(None, environment(TARGET_DATABASE=database)) as watching:
            until_s = time.perf_counter() + 1.9
            while time.perf_counter() < until_s:
                application.execute("SELECT pg_sleep(0.05)")
            time.sleep(2)
            moments = watching.end().moments
    busy, idle = moments[1], moments[-1]

    assert (None, None) == (moments[0].statements_per_s, moments[0].statements_ms_per_s)
    assert 5 < (busy.statements_per_s or 0) < 25
    assert 300 < (busy.statements_ms_per_s or 0) < 1100
    assert (0, 0) == (idle.statements_per_s, idle.statements_ms_per_s)
    drawn = server_charts(replace(measured(steady(), span=Span(0.0, 1e9, 0.0)), server=Server(moments=moments)))
    chart = drawn["statements"]
    assert isinstance(chart, Lines)
    assert ["ms that they took", "statements"] == [line.name for line in chart.lines]


def test_a_failure_under_load_says_what_the_database_did(
    database: str, release_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow, failing, behind or silent: each of these checks has the worst statements, each with its plan."""
    monkeypatch.setenv("TARGET_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TARGET_DATABASE", database)
    monkeypatch.delenv("TARGET_PID", raising=False)

    def meanwhile() -> None:
        with psycopg.connect(database, autocommit=True) as application:
            application.execute("SELECT sum(id) FROM items WHERE pg_sleep(0.01) IS NOT NULL")
            application.execute(SLOW, [18])

    never = [sample(2, status=0, error="TimeoutError", latency_ms=3000)] * 400
    _, evidence = ran(release_file, DECLARED, measured(never), meanwhile=meanwhile)

    for check in ("LOAD-001", "LOAD-002", "LOAD-003", "LOAD-004", "LOAD-005"):
        assert 2 <= evidence[check].detail.count("Seq Scan on items"), check
    assert Outcome.FAILED is evidence["LOAD-001"].outcome is evidence["LOAD-004"].outcome


def test_a_wait_for_a_lock_is_seen(database: str) -> None:
    """A connection that waits for another's lock is counted as blocked."""
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as waiter:
        holder.execute("LOCK TABLE items")
        waiting = threading.Thread(target=waiter.execute, args=("SELECT FROM items",))
        with watched(None, environment(TARGET_DATABASE=database)) as watching:
            waiting.start()
            time.sleep(1.5)
            last = watching.end().moments[-1]
        holder.rollback()
        waiting.join()

    assert (2, 1) == (last.connections, last.blocked)


def test_where_statements_are_not_counted_that_is_said(database: str) -> None:
    """Without the extension the rest is seen, and the note has the mend."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE plain")
    where = psycopg.conninfo.make_conninfo(database, dbname="plain")
    with watched(None, environment(TARGET_DATABASE=where)) as watching:
        server = watching.end()

    assert ((), 1) == (server.statements, len(server.moments))
    assert "pg_stat_statements must be in shared_preload_libraries" in server.notes[1]


@pytest.mark.parametrize("variables", [{"TARGET_PID": "4194304"}, {"TARGET_DATABASE": "postgresql://127.0.0.1:9/x"}])
def test_what_cannot_be_seen_is_a_note(variables: dict[str, str]) -> None:
    """A process that is gone and a database that is not there keep nothing from being run, and are said."""
    with watched(None, environment(**variables)) as watching:
        server = watching.end()

    assert 2 <= len(server.notes) == len({*server.notes})
    assert all("not seen" in note for note in server.notes)


def test_of_an_address_alone_nothing_is_seen_and_that_is_said() -> None:
    """No process is started for it; load.json has the reasons, and no chart is drawn of nothing."""
    with watched(None, environment()) as watching:
        server = watching.end()
    run = measured(steady())
    run = type(run)(run.load, run.span, run.everything, run.vitals, server=server)

    assert None is watching.process
    assert [NO_PROCESS, NO_DATABASE] == summary(run, {})["server"]["notes"]
    assert {"generator"} == set(server_charts(run)), "how late requests left is known of any run"


def test_a_sampler_that_dies_is_said() -> None:
    """What it saw is lost: nothing is taken for the release's own side."""
    with watched(None, environment(TARGET_PID=str(os.getpid()))) as watching:
        assert watching.process is not None
        watching.process.kill()
        server = watching.end()

    assert ((), True) == (server.moments, "its sampler ended early" in server.notes[-1])


def test_a_sampler_ends_with_who_started_it() -> None:
    """Its input ends without a word: nobody is left to be told anything."""
    with watched(None, environment(TARGET_PID=str(os.getpid()))) as watching:
        assert watching.process is not None
        assert watching.process.stdin is not None
        watching.process.stdin.close()

        assert 1 == watching.process.wait(5)


def test_the_charts_are_on_the_axis_of_the_load() -> None:
    """Only the window is drawn, thinned to what can be read, the release beside the generator."""
    moments = [
        Moment(at_s=at, cpu_cores=0.5, own_mib={"1": 90.0, "2": 10.0}, connections=3) for at in (0.5, 1.5, 4.5, 6)
    ]
    vitals = Vitals([1.0] * 4, [0.2] * 4, lag_at_s=[0.9, 1.1, 4.9, 5.1], cpu_at_s=[0.5, 1.5, 4.5, 5.5])
    drawn = server_charts(replace(measured(steady(), vitals), server=Server(moments=tuple(moments))))
    lines = {
        name: {line.name: line.points for line in chart.lines}
        for name, chart in drawn.items()
        if isinstance(chart, Lines) and encode(chart)
    }

    assert {"processor", "memory", "connections", "generator"} == set(lines)
    assert ((1.5, 0.5), (4.5, 0.5)) == lines["processor"]["release"]
    assert [1.5, 4.5] == [at for at, _ in lines["processor"]["generator"]]
    assert ((1.1, 1.0), (4.9, 1.0)) == lines["generator"]["generator"]
    assert ((1.0, 0.5), (2.0, 0.5), (3.0, 0.5), (4.0, 0.5)) == lines["generator"]["requests"]
    assert ((1.5, 100.0), (4.5, 100.0)) == lines["memory"]["release"]
    assert ["open"] == list(lines["connections"])


def test_each_generator_has_a_line_of_its_own_on_the_axis_of_the_load() -> None:
    """What several were at one time stands at one time; of more than can be told apart those are drawn that matter."""
    parts = [
        measured(steady(), Vitals([1.0, 9.0], [number / 20], lag_at_s=[2.1, 2.2], cpu_at_s=[2.5]))
        for number in range(9)
    ]
    drawn = server_charts(replace(measured(steady()), parts=parts))
    lines = {
        name: {line.name: line.points for line in chart.lines}
        for name, chart in drawn.items()
        if isinstance(chart, Lines) and encode(chart)
    }

    assert [f"generator {number}" for number in range(3, 10)] == list(lines["processor"])
    assert {((2.5, number / 20),) for number in range(2, 9)} == set(lines["processor"].values())
    # The worst of the second, when it was.
    assert ((2.2, 9.0),) == lines["generator"]["generator 1"]


def test_no_spike_of_a_long_run_is_left_out() -> None:
    """An hour has fewer points than seconds: each is the worst of its own."""
    lags = [1.0] * 3599
    lags[1234] = 80.0
    vitals = Vitals(lags, [0.1], lag_at_s=[float(at) for at in range(1, 3600)], cpu_at_s=[9.0])
    (chart,) = (
        drawn
        for name, drawn in server_charts(measured(steady(), vitals, Span(0.0, 3600.0, 0.0))).items()
        if name == "generator"
    )
    assert isinstance(chart, Lines)
    (line,) = (line.points for line in chart.lines if line.name == "generator")

    assert ((1235.0, 80.0), True) == (max(line, key=lambda point: point[1]), len(line) <= 200)


def test_why_names_the_costliest_first() -> None:
    """The detail of a slow release has three statements, shortened, each with its plan."""
    queries = ["SELECT  a\nFROM b", f"SELECT {'x' * 900}", "SELECT 3", "SELECT 4"]
    server = Server(statements=tuple(Statement(query=one, calls=4, total_ms=10, plan="Seq Scan") for one in queries))
    lines = server.why().splitlines()

    assert ["4 x 2.5 ms: SELECT a FROM b", "4 x 2.5 ms: SELECT 3"] == [lines[1], lines[5]]
    assert lines[3].endswith("x…")
    assert ["    Seq Scan"] * 3 == lines[2::2]
    assert "" == Server().why()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT 'it''s' FROM a WHERE b = $1", "SELECT '…' FROM a WHERE b = $1"),
        ("  insert into a values ($$x 'y$$)", "insert into a values ('…')"),
        ("ALTER ROLE a PASSWORD 'b'", "ALTER …"),
        ("set a.secret to b", "SET …"),
        ("", "? …"),
    ],
)
def test_no_constant_is_told(query: str, told: str) -> None:
    """Quoted text goes, and of what is no query all but its first word."""
    assert told == shown(query)
