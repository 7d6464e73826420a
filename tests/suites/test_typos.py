"""What is misspelt in release.toml leads to nothing that could be found: that is said by table and key, and no pass."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell, InputError
from evidence.release import Release, Source
from suites.api import Request
from suites.integration import check_migrations, check_queries
from suites.integration.contract import Costly
from suites.integration.cost import Cost
from suites.security import check_access, check_audit

REQUEST = {"path": "/items"}
KEYS = {"header": "Authorization", "read": "Bearer ${KEY}", "write": "", "reading": REQUEST, "writing": REQUEST}
MIGRATIONS = {"forward": [], "back": [], "url_env": "URL"}


def release(**tables: Any) -> Release:  # noqa: ANN401 - any table
    """A release.toml with these tables."""
    return Release(name="shop", version="1", source=Source(paths=()), **tables)


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    """A client of a release that answers so."""
    return httpx.Client(base_url="http://shop", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("refused", "seen"),
    [
        ("Bearer 0123", nullcontext()),
        ("Baerer 0123", pytest.raises(InputError, match=r"\[security.keys\] refused: Baerer 0123 does not begin")),
    ],
)
def test_a_dead_key_is_written_as_a_living_one(
    refused: str, seen: AbstractContextManager[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whatever is written in another way nobody knows whether it ever opened anything."""
    monkeypatch.setenv("KEY", "living")
    declared = release(security={"keys": {**KEYS, "refused": [refused]}})
    http = answering(lambda asked: httpx.Response(200 if asked.headers["authorization"] == "Bearer living" else 401))
    with seen:
        check_access.check_dead_keys_open_nothing(http, declared)


def test_where_a_living_key_is_refused_a_dead_one_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path, the header or the key may be misspelt."""
    monkeypatch.setenv("KEY", "living")
    declared = release(security={"keys": {**KEYS, "refused": ["Bearer 0123"]}})
    with pytest.raises(CannotTell, match=r"\[security.keys\] reading: GET /items is answered 401, not 200"):
        check_access.check_dead_keys_open_nothing(answering(lambda _: httpx.Response(401)), declared)


@pytest.mark.parametrize("changed", [{"id_field": "di"}, {"forged": ["di"]}])
def test_an_entry_has_what_is_to_be_changed(changed: dict[str, object]) -> None:
    """A path without an id, and a field that nobody knows, are refused by any log."""
    audit = {"mutations": [{"request": REQUEST}], "log": {"path": "/audit"}, **changed}
    http = answering(lambda _: httpx.Response(200, json=[{"id": 1, "actor": "somebody"}]))
    with pytest.raises(CannotTell, match="an entry has no di; mend the name"):
        check_audit.check_entries_cannot_be_changed_by_the_api(
            http, release(security={"audit": audit}), Findings(), lambda **_: None
        )


def test_migrations_that_are_nowhere_are_not_right(tmp_path: Path) -> None:
    """A pattern that finds no file leaves nothing to look at."""
    declared = release(
        database={"migrations": {**MIGRATIONS, "files": ["migrtions/*.sql"]}}, path=tmp_path / "release.toml"
    )
    with pytest.raises(InputError, match=r"files: no file is named migrtions/\*\.sql"):
        check_migrations.check_migrations_do_not_stop_the_traffic(declared, lambda **_: None, Findings())


def test_a_request_that_is_not_there_scans_nothing() -> None:
    """What it would have read was not seen."""
    costly = Costly(request=Request(path="/itmes"), max_queries=4)
    asked = [(costly, Cost(status=404, statements={"SELECT": 1}, scanned={}))]
    with pytest.raises(CannotTell, match="GET /itmes is not answered as it should be"):
        check_queries.check_requests_scan_no_large_table(
            lambda: asked, release(database={"role": "shop"}), lambda **_: None, Findings()
        )


def test_a_role_without_connections_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was ended, that the release goes on says nothing."""
    monkeypatch.setenv("TARGET_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(check_queries, "_answers", lambda *_: True)
    monkeypatch.setattr(check_queries, "end_sessions", lambda *_: 0)
    declared = release(database={"role": "shpo", "pool": {"max": 1, "request": REQUEST}})
    with pytest.raises(CannotTell, match="role: shpo has no connection that could be ended"):
        check_queries.check_ended_connections_are_replaced(declared, None, lambda **_: None)  # type: ignore[arg-type]
