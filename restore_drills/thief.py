"""What a thief holds: each was seen to open, and is tried again after it was taken away."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import psycopg

from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from restore_drills import visitor
from restore_drills.visitor import REFUSED, Account, Csrf, Keys, Webhook

OPENS, CLOSED = "opens", "is refused"
CONNECT_WITHIN_S = 10


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[security.audit]`."""

    table: str


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What opens the release, and where it is written down."""

    account: Account
    csrf: Csrf
    keys: Keys
    audit: Audit
    webhook: Webhook | None = None


def doors(release: Release) -> Doors:
    """Read them; Undeclared where there is nothing to steal, since nothing would be proven then."""
    return Doors(
        account=release.section("security.account", Account),
        csrf=release.section("security.csrf", Csrf),
        keys=release.section("security.keys", Keys),
        audit=release.section("security.audit", Audit),
        webhook=release.section("security.webhook", Webhook) if "webhook" in release.security else None,
    )


class Loot:
    """A session's cookie, an API key, the password of the database, and the secret that webhooks are signed with."""

    def __init__(self, url: str, opened: Doors, address: str) -> None:
        """Take all of it, by what works at `url` and at the database's `address`."""
        self._doors, self._address = opened, address
        self._cookie = visitor.session(url, opened.account)
        self._connection: psycopg.Connection[Any] | None = None
        self.secret = str(resolve(opened.webhook.secret)) if opened.webhook else ""
        self.ways: Mapping[str, Callable[[str], str]] = {
            "session": self._session,
            "key": self._key,
            "database password": self._password,
            "open database connection": self._held,
            **({"webhook secret": self._webhook} if opened.webhook else {}),
        }

    def hold(self) -> None:
        """Connect to the database and stay connected, where the password still opens."""
        self.let_go()
        with contextlib.suppress(psycopg.OperationalError):
            self._connection = psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_WITHIN_S)

    def let_go(self) -> None:
        """Be connected no more."""
        if self._connection:
            self._connection.close()

    def tried(self, url: str, *names: str) -> list[tuple[str, str]]:
        """Try these ways, or all; name those that are not refused, and what they are answered."""
        said = {name: self.ways[name](url) for name in names or self.ways}
        return [(name, what) for name, what in said.items() if what != CLOSED]

    def _session(self, url: str) -> str:
        account = self._doors.account
        status = visitor.send(url, account.signed_in, {"Cookie": self._cookie}).status
        return _said(status, account.signed_in.expect, {account.signed_out})

    def _key(self, url: str) -> str:
        keys = self._doors.keys
        status = visitor.send(url, keys.reading, {keys.header: str(resolve(keys.write))}).status
        return _said(status, keys.reading.expect, REFUSED)

    def _webhook(self, url: str) -> str:
        assert self._doors.webhook
        status = visitor.deliver(url, self._doors.webhook, self.secret)
        return _said(status, self._doors.webhook.accepted, REFUSED | {400})

    def _password(self, _url: str) -> str:
        try:
            with psycopg.connect(self._address, connect_timeout=CONNECT_WITHIN_S):
                return OPENS
        except psycopg.OperationalError:
            return CLOSED  # whoever asks has seen that the server takes connections

    def _held(self, _url: str) -> str:
        try:
            if self._connection is None:
                return CLOSED
            self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return CLOSED
        return OPENS


@contextlib.contextmanager
def stolen(url: str, opened: Doors, address: str) -> Iterator[Loot]:
    """Steal all of it; CannotTell where something does not open at first: that it is refused later proves nothing."""
    loot = Loot(url, opened, address)
    loot.hold()
    try:
        said = {name: way(url) for name, way in loot.ways.items()}
        if unopened := [f"{name} {what}" for name, what in said.items() if what != OPENS]:
            msg = f"before anything was done, {', '.join(unopened)}: nothing would be proven"
            raise CannotTell(msg)
        yield loot
    finally:
        loot.let_go()


def _said(status: int, opens: int, refused: set[int] | frozenset[int]) -> str:
    if status == opens:
        return OPENS
    return CLOSED if status in refused else f"answers {status}, which is no refusal"
