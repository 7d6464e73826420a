"""Keys open what they may."""

from __future__ import annotations

import secrets

import httpx
import msgspec

from checks.claim import check
from evidence.errors import InputError
from evidence.release import Release
from evidence.variables import resolve
from suites.api import as_declared, needed
from suites.security.conftest import token_of
from suites.security.contract import Csrf, Keys


@check("KEYS-001", needs="write")
def check_keys_open_what_their_scope_says(http: httpx.Client, release: Release) -> None:
    """A reading key reads and may not write (403), a writing key writes, no key at all is 401."""
    keys = release.section("security.keys", Keys)
    read, write = ({keys.header: resolve(value)} for value in (keys.read, keys.write))
    seen = {
        "reading with the reading key": keys.reading.send(http, headers=read).status_code,
        "writing with the reading key": keys.writing.send(http, headers=read).status_code,
        "writing with no key": keys.writing.send(http).status_code,
        "writing with the writing key": keys.writing.send(http, headers=write).status_code,
    }

    assert [keys.reading.expect, 403, 401, keys.writing.expect] == list(seen.values()), seen


@check("KEYS-002", needs="write")
def check_dead_keys_open_nothing(http: httpx.Client, release: Release) -> None:
    """Expired, revoked and made-up keys are answered 401, for reading too."""
    keys = release.section("security.keys", Keys)
    made_up = keys.read.split("$", maxsplit=1)[0] + secrets.token_urlsafe(32)
    refused = needed(keys.refused, "[security.keys] refused")
    scheme = keys.read.partition("$")[0] if "$" in keys.read else ""
    if odd := [value for value in refused if not value.startswith(scheme)]:
        message = f"{release.path}: [security.keys] refused: {odd[0]} does not begin as `read` does: it was never a key"
        raise InputError(message)
    values = (*map(resolve, refused), made_up)

    living = keys.reading.send(http, headers={keys.header: resolve(keys.read)})
    as_declared(living, keys.reading.expect, "[security.keys] reading")

    assert {401} == {keys.reading.send(http, headers={keys.header: value}).status_code for value in values}


@check("KEYS-003", needs="write")
def check_revoked_keys_die_at_once(http: httpx.Client, release: Release, csrf: Csrf, member: httpx.Client) -> None:
    """A key that is made opens what it may, and nothing any more as soon as it is revoked."""
    keys = release.section("security.keys", Keys)
    made_by = needed(keys.made, "[security.keys.made]")
    token = {csrf.header: token_of(member, csrf)}
    answer = made_by.create.send(member, headers=token)
    assert made_by.create.expect == answer.status_code, "no key is made"
    made = answer.json()
    sent = {keys.header: made_by.value.replace("{key}", made[made_by.key_field])}
    path = made_by.revoke.path.replace("{id}", str(made[made_by.id_field]))
    try:
        before = keys.reading.send(http, headers=sent).status_code
    finally:
        # A key is never left behind, whatever befalls us.
        revoked = msgspec.structs.replace(made_by.revoke, path=path).send(member, headers=token).status_code
    after = keys.reading.send(http, headers=sent).status_code

    assert (keys.reading.expect, made_by.revoke.expect, 401) == (before, revoked, after)
