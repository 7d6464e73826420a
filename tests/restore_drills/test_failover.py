"""A failover is tried on a real primary and its standby, with a small application; what is lost is seen."""

from __future__ import annotations

import contextlib
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import psycopg
import pytest

from evidence.release import Release, Source
from fixtures.postgres import Postgres, postgres
from restore_drills import drill_failover, failover, replica
from restore_drills.application import Application, Request, Resource, started
from restore_drills.compare import hold
from restore_drills.failover import FailedOver, Failover, failed_over
from restore_drills.fingerprint import Fingerprint
from restore_drills.traffic import Made, Writer
from tests.restore_drills.backups_world import execute

SHOP = """
import http.server, json, os, psycopg
ADDRESS = os.environ["SHOP_DB"]
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with psycopg.connect(ADDRESS, connect_timeout=2) as connection:
            found = connection.execute("SELECT 1 FROM item WHERE id = %s", [self.path[1:]]).fetchone()
        self.say(200 if found else 404, b"")
    def do_POST(self):
        with psycopg.connect(ADDRESS, connect_timeout=2) as connection:
            (made,) = connection.execute("INSERT INTO item DEFAULT VALUES RETURNING id").fetchone()
        self.say(201, json.dumps({"id": made}).encode())
    def say(self, status, body):
        self.send_response(status); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
"""
RESOURCE = Resource(
    name="item", id_field="id", create=Request(path="/", method="POST", expect=201), read=Request(path="/{id}")
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """The server that stands in for production."""
    with postgres() as running:
        execute(running.dsn, "CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
        execute(running.dsn, "INSERT INTO item DEFAULT VALUES")
        yield running


@pytest.fixture
def shop(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """An application on it that connects for every request."""
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.setenv("SHOP_DB", f"{server.dsn}?connect_timeout=2")
    return Application(
        start=(sys.executable, "shop.py"), database_env=("SHOP_DB",), health="/1", env={"PORT": "{port}"},
        writes=RESOURCE,
    )  # fmt: skip


def declaring(*, synchronous: bool) -> Release:
    """A release that is replicated so."""
    drills = {"failover": {"synchronous": synchronous}}
    return Release(name="shop", version="1", source=Source(paths=()), backup={"dump": ["x"], "drills": drills})


@pytest.mark.parametrize("way", [Failover(synchronous=True), Failover(synchronous=True, application="restart")])
def test_nothing_acknowledged_is_lost(server: Postgres, shop: Application, tmp_path: Path, way: Failover) -> None:
    """The application goes on, told both addresses or started again; the old primary comes back as a follower."""
    came = failed_over(server.dsn, way, shop, tmp_path)

    assert [] == came.lost
    assert (0.0, True) == (came.lost_s, came.follows)
    hold({"shop": came.primary}, {"shop": came.rejoined}, physical=True)
    assert came.acknowledged >= 21
    assert 0 < came.promoted_s < came.first_write_s
    with psycopg.connect(server.dsn) as connection:
        assert (1,) == connection.execute("SELECT count(*) FROM item").fetchone()


@pytest.fixture
def hasty(server: Postgres) -> Iterator[Postgres]:
    """The same server, with commits that wait for no standby."""
    execute(server.dsn, "ALTER DATABASE postgres SET synchronous_commit = local")
    yield server
    execute(server.dsn, "ALTER DATABASE postgres RESET synchronous_commit")


def test_what_is_acknowledged_without_the_standby_is_lost(hasty: Postgres, shop: Application, tmp_path: Path) -> None:
    """Whatever is declared: a write that did not wait for it while it was away is not there, and that is counted."""
    came = failed_over(hasty.dsn, Failover(synchronous=True), shop, tmp_path)
    coming = Future[FailedOver]()
    coming.set_result(came)
    measured: dict[str, float] = {}
    with pytest.raises(AssertionError, match="acknowledged writes are not on the standby"):
        drill_failover.drill_standby_takes_over(declaring(synchronous=True), coming, measured.update)

    assert len(came.lost) == measured["lost_total"] > 0
    assert came.lost_s > 0
    assert came.follows


def test_a_standby_that_is_away_while_nobody_writes_proves_nothing(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said how the application was refused."""
    monkeypatch.setattr(failover, "HELD_WITHIN_S", 0.2)
    writer = Writer("", RESOURCE)
    writer.refused["503"] = 7
    with pytest.raises(TimeoutError, match=r"nothing was written for 0.2 s: \{'503': 7\}"):
        failover._written_alone(server.dsn, writer)  # noqa: SLF001 - no application is so quiet


def test_an_application_that_writes_nothing_proves_nothing(
    server: Postgres, shop: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said how it was refused."""
    monkeypatch.setattr("restore_drills.traffic.WITHIN_S", 0.5)
    (tmp_path / "shop.py").write_text(SHOP.replace("INSERT INTO item", "INSERT INTO nothing"))
    with pytest.raises(AssertionError, match=r"item: 0 of 15 could be made .*RemoteDisconnected"):
        failed_over(server.dsn, Failover(), shop, tmp_path)


@pytest.mark.parametrize("synchronous", [True, False])
def test_each_lost_write_is_a_number_that_the_policy_judges(*, synchronous: bool) -> None:
    """A standby that follows at a distance may lose some only where the policy says how many: by default, none."""
    empty = Fingerprint(tables={}, sequences={}, schema=(), roles={}, itself={"owner": "shop"})
    coming = Future[FailedOver]()
    coming.set_result(
        FailedOver(
            promoted_s=1, first_write_s=2, acknowledged=20, lost=[Made("2", 0, 0)], lost_s=0.1, follows=True,
            rejoined=empty, primary=empty,
        )
    )  # fmt: skip
    measured: dict[str, float] = {}
    with pytest.raises(AssertionError, match="not on the standby") if synchronous else contextlib.nullcontext():
        drill_failover.drill_standby_takes_over(declaring(synchronous=synchronous), coming, measured.update)
    rule = tomllib.loads((Path(__file__).parents[2] / "policy.toml").read_text())["rules"]["DRILL-012"]

    assert measured["lost_total"] > rule["max"]["lost_total"] == 0


def test_what_the_standby_never_had_is_missed(server: Postgres, shop: Application, tmp_path: Path) -> None:
    """A write that was acknowledged by the old primary alone is named, by reading each again."""
    with replica.clone(server.dsn) as primary, replica.standby(primary) as standby:
        replica.followed(primary.dsn, synchronous=False)
        execute(primary.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        standby.stop()
        execute(primary.dsn, "INSERT INTO item DEFAULT VALUES")
        primary.kill()
        standby.start()
        execute(standby.dsn, "SELECT pg_promote()")
        with started(shop, tmp_path, standby.dsn) as url:
            writer = Writer(url, RESOURCE)
            writer.made = [Made("1", 0, 0), Made("2", 0, 0)]
            assert [Made("2", 0, 0)] == writer.gone()
