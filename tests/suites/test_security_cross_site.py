"""A change without a session is sent as the release's own page sends it, and as a page of another site can."""

from __future__ import annotations

import json

import httpx
import msgspec
import pytest

from suites.api import Request
from suites.security.check_csrf import FOREIGN, from_another_site, from_its_own_page
from suites.security.contract import CrossSite

FORM = Request(path="/login", method="POST", form={"name": "${NAME}", "csrf": "{csrf}"}, headers={"X-Own": "a"})
JSON = Request(path="/vote", method="POST", json={"for": "${NAME}"})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """What the release was asked; the declared variable is set."""
    monkeypatch.setenv("NAME", "alice")
    return []


@pytest.fixture
def http(sent: list[httpx.Request]) -> httpx.Client:
    """A client on a release whose page has a hidden field."""

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, text='<input type="hidden" name="csrf" value="a&amp;b">')

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://release")


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        (CrossSite(mutations=(FORM,), page="/login", csrf_field="csrf"), b"name=alice&csrf=a%26b"),
        (CrossSite(mutations=(JSON,)), b'{"for":"alice"}'),
    ],
)
def test_its_own_page_has_the_token(
    http: httpx.Client, sent: list[httpx.Request], declared: CrossSite, body: bytes
) -> None:
    """From its own page it brings the hidden field, its own headers and its own origin."""
    assert 200 == from_its_own_page(http, declared, declared.mutations[0])
    assert ("http://release", body) == (sent[-1].headers["origin"], sent[-1].content)
    assert declared.mutations[0].headers.get("X-Own") == sent[-1].headers.get("x-own")


@pytest.mark.parametrize(
    ("mutation", "kind", "body"),
    [
        (FORM, "application/x-www-form-urlencoded", b"name=alice"),
        (JSON, "text/plain", json.dumps({"for": "alice"}).encode()),
    ],
)
def test_another_site_has_none(
    http: httpx.Client, sent: list[httpx.Request], mutation: Request, kind: str, body: bytes
) -> None:
    """From another site come neither token nor headers of its own, and no type that a browser would ask about first."""
    assert 200 == from_another_site(http, mutation)
    assert (FOREIGN, kind, body) == (sent[0].headers["origin"], sent[0].headers["content-type"], sent[0].content)
    assert "x-own" not in sent[0].headers


def test_what_another_site_cannot_send_is_refused() -> None:
    """A browser asks before it sends a PUT across sites: such a declaration would prove nothing."""
    with pytest.raises(msgspec.ValidationError, match="PUT /a cannot be sent from another site; POST alone can"):
        msgspec.convert({"mutations": [{"path": "/a", "method": "PUT"}]}, CrossSite)
