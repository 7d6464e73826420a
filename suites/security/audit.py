"""Changes that are made to see what they leave in the audit log, and what an entry has to say of its change."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from evidence.errors import CannotTell
from evidence.variables import resolve
from suites.api import Request
from suites.security.contract import Audit, Mutation
from suites.security.operations import Operation

Entry = dict[str, Any]
CLAIMED = "203.0.113.66"
CLAIMS = {"X-Forwarded-For": CLAIMED, "X-Real-IP": CLAIMED, "Forwarded": f"for={CLAIMED}"}
"""What anybody can write of where they are."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change: its place, what its entry must name, from where it came, when, and what is new in the log since."""

    place: str
    names: tuple[str, ...]
    came_from: str
    days: frozenset[str]
    new: tuple[Entry, ...]

    @property
    def entry(self) -> Entry | None:
        """The entry that it left; None where no new one says all that it must."""
        return next((entry for entry in self.new if not self.lacks(entry)), None)

    def lacks(self, entry: Entry) -> list[str]:
        """What an entry does not say of this change: who, what, when."""
        text = json.dumps(entry, ensure_ascii=False)
        missing = [name for name in self.names if not _names(text, resolve(name))]
        return missing if any(day in text for day in self.days) else [*missing, "the day (UTC)"]


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who makes a change: a client, and the headers by which it may."""

    http: httpx.Client
    headers: Mapping[str, str]

    def send(self, request: Request, claims: Mapping[str, str] | None = None) -> tuple[httpx.Response, str]:
        """Send it; the answer, and the address that it went out from."""
        addresses: list[str] = []
        self.http.event_hooks["response"] = [lambda answer: addresses.append(_own_address(answer))]
        answer = request.send(self.http, headers={**self.headers, **(claims or {})})
        return answer, addresses[-1]


def made(http: httpx.Client, audit: Audit, person: Sender | None = None) -> list[Change]:
    """Make the declared changes one after the other, look at the log after each, and take back what there is to undo.

    `person` is who makes those that ask for a session. CannotTell where one is not made: what was not done need not be
    written down.
    """
    holder = Sender(http=http, headers=resolve(audit.headers))
    log, ids, changes, undo = entries(http, audit), dict[str, str](), list[Change](), list[tuple[Sender, Request]]()
    try:
        for mutation in audit.mutations:
            sender, before, day = person if mutation.signed_in and person else holder, log, _today()
            answer, address = sender.send(_filled(mutation.request, ids), CLAIMS)
            came_from = resolve(audit.seen_from) or address
            ids |= _made(mutation, answer)
            undo += [(sender, _filled(mutation.undo, ids))] if mutation.undo else []
            log, names = entries(http, audit), tuple(_fill(name, ids) for name in (*audit.names, *mutation.names))
            new = tuple(entry for entry in log if entry not in before)
            days = frozenset({day, _today()})
            changes.append(Change(place=_place(mutation), names=names, came_from=came_from, days=days, new=new))
    finally:
        for sender, request in reversed(undo):
            sender.send(request)
    return changes


def not_made(audit: Audit, document: Sequence[Operation]) -> list[str]:
    """The operations that change something, of which nobody has looked whether they are written down."""
    asked = {(each.request.method, resolve(each.request.path).partition("?")[0]) for each in audit.mutations}
    return [
        operation.name
        for operation in document
        if operation.mutates
        and operation.name not in audit.not_made
        and not any(operation.is_at(*each) for each in asked)
    ]


def entries(http: httpx.Client, audit: Audit) -> list[Entry]:
    """What the log shows, the newest first."""
    shown = audit.log.send(http)
    assert audit.log.expect == shown.status_code, shown.text[:500]
    body = shown.json()
    found: list[Entry] = body[audit.entries] if audit.entries else body
    return found


def is_address(said: object, address: str) -> bool:
    """Whether what an entry says is this address, however it is written."""
    try:
        one, other = (ipaddress.ip_address(text.strip("[]")) for text in (str(said), address))
    except ValueError:
        return False
    return _plain(one) == _plain(other)


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> object:
    """An IPv4 address that a socket for both kinds has written as IPv6 is that IPv4 address."""
    return getattr(address, "ipv4_mapped", None) or address


def _names(text: str, name: str) -> bool:
    """Whether it is named as a word of its own: item:1 is not in item:10."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _made(mutation: Mutation, answer: httpx.Response) -> dict[str, str]:
    """The ids in the answer to a change, by the names that stand for them."""
    what = _place(mutation)
    if mutation.request.expect != answer.status_code:
        message = f"{what} answers {answer.status_code}, not {mutation.request.expect}: {answer.text[:300]}"
        raise CannotTell(message)
    body = answer.json() if mutation.made else {}
    if unknown := [field for field in mutation.made.values() if field not in body]:
        message = f"{what}: the answer has no field {', '.join(unknown)}; [[security.audit.mutations]] made names it"
        raise CannotTell(message)
    return {name: str(body[field]) for name, field in mutation.made.items()}


def _place(mutation: Mutation) -> str:
    return f"{mutation.request.method} {mutation.request.path}"


def _filled(request: Request, ids: Mapping[str, str]) -> Request:
    return msgspec.structs.replace(request, path=_fill(request.path, ids))


def _fill(text: str, ids: Mapping[str, str]) -> str:
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _own_address(answer: httpx.Response) -> str:
    """The address that a request went out from, while its connection is there."""
    stream = answer.extensions.get("network_stream")
    return str(stream.get_extra_info("client_addr")[0]) if stream else ""


def _today() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")
