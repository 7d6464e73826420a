"""A release that asks what only itself can reach is found, by a real listener; one that refuses is not."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Callable, Iterator

import httpx
import msgspec
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


def test_release_that_asks_nothing_inside_is_right(trap: check_ssrf.Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is found where only public addresses are asked, and no redirect is followed."""
    monkeypatch.setattr(check_ssrf, "leads_on", lambda *_: None)

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


def test_redirect_that_is_followed_is_found(trap: check_ssrf.Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard has seen the first address only."""
    monkeypatch.setattr(check_ssrf, "leads_on", lambda *_: None)
    found = judged(check_ssrf.check_redirects_do_not_lead_inside, trap, lambda address: not address.startswith(PUBLIC))

    assert {""} == found


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(404), "is answered 404, to nowhere"),
        (httpx.Response(302, headers={"location": "http://elsewhere.example/"}), "to http://elsewhere.example/"),
        (httpx.Response(302, headers={"location": "http://127.0.0.1:9/"}), ""),
    ],
    ids=["a typo", "elsewhere", "where it should"],
)
def test_redirect_that_leads_nowhere_proves_nothing(
    answer: httpx.Response, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows it comes to nobody: that the release did not come to us says nothing."""
    monkeypatch.setattr(httpx, "get", lambda *_, **__: answer)
    refused = pytest.raises(CannotTell, match=said) if said else contextlib.nullcontext()
    with refused:
        check_ssrf.leads_on("http://public.example/away?to=http://127.0.0.1:9/", "http://127.0.0.1:9/")


def test_field_that_the_request_does_not_have_is_refused() -> None:
    """A typo in its name would put every address where nobody reads it."""
    with pytest.raises(ValueError, match="the json of /fetch has no field 'ulr'; mend its name"):
        Ssrf(fields=(msgspec.structs.replace(FIELD, field="ulr"),))


def test_listener_elsewhere_is_asked_for_as_declared() -> None:
    """A target that is not on loopback reaches us by the declared address, where we listen on every interface."""
    assert ("0.0.0.0", 9000) == ssrf.where("http://verify.example:9000")  # noqa: S104 - what is compared
    assert ("127.0.0.1", 0) == ssrf.where("")
    assert {"http://verify.example:9000", "http://www.example.com@verify.example:9000"} == set(
        ssrf.ways(9000, "http://verify.example:9000").values()
    )


@pytest.mark.parametrize(
    ("url", "said"),
    [("https://staging.example", "names no `listener`"), ("http://127.0.0.1:1", "is answered 500, not 200")],
)
def test_what_could_not_come_is_no_proof(url: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that cannot reach us, or that takes not even its good address, is not judged."""
    monkeypatch.setenv("TARGET_URL", url)
    release = Release(
        name="a",
        version="1",
        source=releases.Source(paths=(".",)),
        security={
            "ssrf": {
                "fields": [{"request": {"path": "/fetch", "method": "POST", "json": {"url": "a"}}, "field": "url"}]
            }
        },
    )
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    with (
        httpx.Client(base_url="http://release", transport=transport) as http,
        pytest.raises(CannotTell, match=said),
    ):
        next(check_ssrf.trap.__wrapped__(release, http))  # type: ignore[attr-defined]
