"""A primary, its standby and the application on them; the primary is killed while the application is written to."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Literal

import msgspec
import psycopg
from psycopg import conninfo

from fixtures.server import OnFiles
from restore_drills import replica
from restore_drills.application import Application, started
from restore_drills.backups import proof
from restore_drills.fingerprint import Fingerprint
from restore_drills.traffic import Made, Writer, written

BEFORE, AFTER = 15, 5
"""Acknowledged writes that are waited for."""
HELD_S, HELD_WITHIN_S = 0.5, 30.0
"""How long a write must wait for a standby that is away, and how long such a write is looked for."""
HELD = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')"


class Failover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.drills.failover]`: how the database is replicated, and how the application finds the new one.

    `synchronous`: nothing is acknowledged that the standby does not have, which is tried by its being away for a while
    before the primary dies. `application`: it is told both `addresses` (with target_session_attrs=read-write), or it is
    started again with the new one (`restart`).
    """

    synchronous: bool = False
    application: Literal["addresses", "restart"] = "addresses"


class FailedOver(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    `promoted_s` and `first_write_s` run from the kill; `lost_s` is how long before it the first lost write was
    acknowledged. `follows` is whether the old primary, back again, takes no writes. `rejoined` and `primary` are the
    release's database on the old one and on the new one.
    """

    promoted_s: float
    first_write_s: float
    acknowledged: int
    lost: list[Made]
    lost_s: float
    follows: bool
    rejoined: Fingerprint
    primary: Fingerprint


def failed_over(address: str, declared: Failover, application: Application, root: Path) -> FailedOver:
    """Do it on copies of the server at `address`; AssertionError where the application does not take writes."""
    assert application.writes, "[backup.application] declares no `writes`: nothing could be lost"
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(replica.clone(address))
        standby = stack.enter_context(replica.standby(primary))
        if declared.synchronous:
            replica.commit_on_both(primary.dsn)
        replica.followed(primary.dsn, synchronous=declared.synchronous)
        addresses = [primary.dsn, *([standby.dsn] if declared.application == "addresses" else [])]
        serving = stack.enter_context(contextlib.ExitStack())
        url = serving.enter_context(started(application, root, *addresses))
        with written(url, application.writes) as writer:
            writer.wait(BEFORE)
            if declared.synchronous:
                replica.cut_off(standby.dsn)
                _written_alone(primary.dsn, writer)
            killed = time.monotonic()
            primary.kill()
            _promote(standby)
            promoted = time.monotonic()
            if declared.application == "restart":
                serving.close()
                writer.url = serving.enter_context(started(application, root, standby.dsn))
            first = writer.wait(AFTER, since=promoted)[0]
        return _looked(address, primary, standby, writer, (killed, promoted, first.acknowledged))


def _written_alone(primary: str, writer: Writer) -> None:
    """Write while the standby is away, until a write waits for it, or is acknowledged without; TimeoutError if neither.

    Which of them it is nobody judges here: what was acknowledged is looked for where the standby has taken over.
    """
    away = time.monotonic()
    held_since: float | None = None
    with psycopg.connect(primary, autocommit=True) as connection:
        while (now := time.monotonic()) < away + HELD_WITHIN_S:
            if any(one.asked >= away for one in writer.made):
                return
            held = connection.execute(HELD).fetchone() == (True,)
            held_since = (held_since or now) if held else None
            if held_since and now - held_since >= HELD_S:
                return
            time.sleep(0.02)
    msg = f"while the standby was away nothing was written for {HELD_WITHIN_S:g} s: {writer.refused}"
    raise TimeoutError(msg)


def _promote(standby: OnFiles) -> None:
    with psycopg.connect(standby.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_promote()")


def _looked(
    address: str, primary: OnFiles, standby: OnFiles, writer: Writer, times: tuple[float, float, float]
) -> FailedOver:
    killed, promoted, first = times
    lost = writer.gone()
    replica.rejoin(primary, standby)
    assert writer.once(), f"with the old primary back the application cannot write: {writer.refused}"
    replica.caught_up(standby.dsn, primary.dsn)
    database = str(conninfo.conninfo_to_dict(address)["dbname"])
    old, new = (conninfo.make_conninfo(server.dsn, dbname=database) for server in (primary, standby))
    return FailedOver(
        promoted_s=promoted - killed, first_write_s=first - killed, acknowledged=len(writer.made), lost=lost,
        lost_s=max(0.0, killed - min((one.acknowledged for one in lost), default=killed)),
        follows=_follows(old), rejoined=proof.look(old), primary=proof.look(new),
    )  # fmt: skip


def _follows(address: str) -> bool:
    with psycopg.connect(address) as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
