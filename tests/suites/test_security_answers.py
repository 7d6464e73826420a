"""Of every kind of answer one is looked at, errors too, wherever they come from."""

from __future__ import annotations

import tomllib
from pathlib import Path

import httpx
import pytest

from checks.findings import Findings
from evidence.release import Release, Source
from suites.api import Request
from suites.security import check_headers, check_input
from suites.security.answers import MADE_UP, Seen, gather
from suites.security.contract import Headers

TREE = Path(__file__).parents[2]


def looked_at(missing: httpx.Response) -> dict[str, Seen]:
    """What is looked at where a path that is not there is answered so, and by 404 with a slash behind it."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith(f"{MADE_UP}/"):
            return httpx.Response(404, html="<p>gone")
        return missing if path.endswith(MADE_UP) else httpx.Response(200, html="<p>shop")

    declared = Headers(pages=("/",), api=(Request(path="/api/items"),))
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://shop.test") as http:
        return {each.place: each for each in gather(http, declared)}


@pytest.mark.parametrize("host", ["", "http://shop.test"])
def test_what_is_not_there_is_looked_at_where_it_is_sent_on_to(host: str) -> None:
    """Django adds a slash first: its error page, which has headers of its own, comes only then."""
    seen = looked_at(httpx.Response(301, headers={"Location": f"{host}{MADE_UP}/"}))

    assert [301, 404] == [seen[f"page that is not there{end}"].answer.status_code for end in ("", ", sent on")]
    assert seen["page that is not there, sent on"].is_html
    assert not seen["page that is not there"].is_html
    assert "API path that is not there, sent on" in seen


@pytest.mark.parametrize("leads", ["http://other.test/", "https://shop.test/", "//shop.test:8000/"])
def test_nobody_else_is_asked(leads: str) -> None:
    """Where it is sent on to somebody else's address nothing is asked there."""
    seen = looked_at(httpx.Response(302, headers={"Location": leads}))

    assert [] == [place for place in seen if place.endswith("sent on")]


def test_an_error_that_comes_at_once_is_looked_at_once() -> None:
    """Most say at once that there is nothing."""
    seen = looked_at(httpx.Response(404, html="<p>gone"))

    assert {"/", "/api/items", "page that is not there", "API path that is not there"} <= set(seen)
    assert [] == [place for place in seen if place.endswith("sent on")]


def test_where_no_page_was_looked_at_that_is_measured() -> None:
    """An API alone has no window and no link: nought pages are no pass by the policy."""
    measured: dict[str, dict[str, float]] = {"HEADERS-005": {}, "INPUT-003": {}}
    release = Release(name="shop", version="1", source=Source(paths=()), target={"url": "http://shop.test"})
    check_headers.check_windows_are_isolated((), Findings(), measured["HEADERS-005"].update)
    with httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200)), base_url="http://shop.test"
    ) as http:
        check_input.check_the_host_is_not_taken_on_trust(http, release, (), Findings(), measured["INPUT-003"].update)
    rules = tomllib.loads((TREE / "policy.toml").read_text(encoding="utf-8"))["rules"]

    assert {"HEADERS-005": {"pages_total": 0}, "INPUT-003": {"answers_total": 0}} == measured
    assert all(rules[check]["min"] == dict.fromkeys(seen, 1) for check, seen in measured.items())
