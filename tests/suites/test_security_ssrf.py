"""A release that asks what only itself can reach is found, by a real listener; one that refuses is not."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator

import httpx
import pytest

from checks.findings import Findings
from evidence import release as releases
from evidence.errors import CannotTell
from evidence.release import Release
from suites.api import Request
from suites.security import check_ssrf, ssrf
from suites.security.contract import Ssrf, UrlField

PUBLIC = "http://public.example/"
FIELD = UrlField(
    request=Request(path="/fetch", method="POST", json={"url": PUBLIC, "name": "a"}),
    field="url",
    redirect="http://public.example/away?to={url}",
)
Guard = Callable[[str], bool]


def fetching(refuses: Guard) -> httpx.MockTransport:
    """A release that asks whatever its guard does not refuse."""

    def answer(request: httpx.Request) -> httpx.Response:
        address = str(httpx.Response(200, content=request.content).json()["url"])
        if refuses(address):
            return httpx.Response(422)
        if not address.startswith(PUBLIC):
            ask(address)
        elif "to=" in address:
            ask(address.partition("to=")[2])
        return httpx.Response(200)

    return httpx.MockTransport(answer)


def ask(address: str) -> None:
    """Go there, as far as this machine knows how; nobody is at the metadata address."""
    if "169.254" not in address and "2852039166" not in address:
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310 - the test's own listener
        except (OSError, ValueError):
            return


@pytest.fixture
def trap() -> Iterator[check_ssrf.Trap]:
    """A real listener on loopback."""
    with ssrf.listening() as listener:
        yield check_ssrf.Trap(declared=Ssrf(fields=(FIELD,)), listener=listener, ways=ssrf.ways(listener.port, ""))


def judged(check: Callable[..., None], trap: check_ssrf.Trap, refuses: Guard) -> set[str]:
    """The places that are found at a release with this guard."""
    findings = Findings()
    with httpx.Client(base_url="http://release", transport=fetching(refuses)) as http:
        check(http, trap, findings, lambda **_: None)
    return {place.removeprefix("/fetch url").strip() for place in findings.found}


def test_release_that_asks_nothing_inside_is_right(trap: check_ssrf.Trap) -> None:
    """Nothing is found where only public addresses are asked, and no redirect is followed."""

    def refuses(address: str) -> bool:
        return not address.startswith(PUBLIC) or "to=" in address

    assert set() == judged(check_ssrf.check_addresses_of_the_inside_are_not_asked, trap, refuses)
    assert set() == judged(check_ssrf.check_redirects_do_not_lead_inside, trap, refuses)


def test_release_that_asks_everything_is_found(trap: check_ssrf.Trap) -> None:
    """Without a guard the listener is reached, and what nobody notices is not refused."""
    found = judged(check_ssrf.check_addresses_of_the_inside_are_not_asked, trap, lambda _: False)

    assert {"by its address", "by its name", "in decimal", *ssrf.ELSEWHERE} <= found


def test_guard_by_name_is_found(trap: check_ssrf.Trap) -> None:
    """A list of names lets the same address through by another one."""
    names = ("//127.0.0.1", "//localhost", "//169.254", "//2852", "file:", "//[", "@")
    found = judged(
        check_ssrf.check_addresses_of_the_inside_are_not_asked, trap, lambda address: any(n in address for n in names)
    )

    assert {"in decimal", "in hex", "in octal", "shortened", "as any address"} == found


def test_redirect_that_is_followed_is_found(trap: check_ssrf.Trap) -> None:
    """The guard has seen the first address only."""
    found = judged(check_ssrf.check_redirects_do_not_lead_inside, trap, lambda address: not address.startswith(PUBLIC))

    assert {""} == found


def test_listener_elsewhere_is_asked_for_as_declared() -> None:
    """A target that is not on loopback reaches us by the declared address, where we listen on every interface."""
    assert ("0.0.0.0", 9000) == ssrf.where("http://verify.example:9000")  # noqa: S104 - what is compared
    assert ("127.0.0.1", 0) == ssrf.where("")
    assert {"http://verify.example:9000", "http://www.example.com@verify.example:9000"} == set(
        ssrf.ways(9000, "http://verify.example:9000").values()
    )


@pytest.mark.parametrize(
    ("url", "said"),
    [("https://staging.example", "names no `listener`"), ("http://127.0.0.1:1", "answers 500, not 200")],
)
def test_what_could_not_come_is_no_proof(url: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that cannot reach us, or that takes not even its good address, is not judged."""
    monkeypatch.setenv("TARGET_URL", url)
    release = Release(
        name="a",
        version="1",
        source=releases.Source(paths=(".",)),
        security={"ssrf": {"fields": [{"request": {"path": "/fetch", "method": "POST", "json": {}}, "field": "url"}]}},
    )
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    with (
        httpx.Client(base_url="http://release", transport=transport) as http,
        pytest.raises(CannotTell, match=said),
    ):
        next(check_ssrf.trap.__wrapped__(release, http))  # type: ignore[attr-defined]
