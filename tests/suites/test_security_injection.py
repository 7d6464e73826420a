"""Hostile text proves something only where harmless text is taken, and every answer came."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import httpx
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release, Source
from suites.security import check_injection as injection

NOTHING = injection.NOTHING
SEARCH, OTHER = "/search?q={probe}", "/other?q={probe}"
Answer = Callable[[httpx.Request], httpx.Response]


def reply(status: int, text: str = "") -> httpx.Response:
    """An answer as it comes from a wire: how long it took is known once it has been read."""
    return httpx.Response(status, stream=httpx.ByteStream(text.encode()))


def findings_of(answer: Answer, *paths: str, check: str = "XSS-001", harmless: object = "wall") -> list[str]:
    """Run one of the checks on a release that answers so; give the places of what it found."""
    declared = {"pages": paths, "api": paths if check == "INJECT-001" else (), "harmless": harmless}
    release, findings = (
        Release(name="shop", version="1", source=Source(paths=()), security={"injection": declared}),
        Findings(),
    )
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://shop") as http:
        if check == "INJECT-002":
            injection.check_templates_in_parameters_are_text(http, release, findings, lambda **_: None)
        else:
            by_id = {
                "XSS-001": injection.check_markup_in_parameters_is_text,
                "INJECT-001": injection.check_sql_in_parameters_is_text,
            }
            by_id[check](http, release, findings)
    return list(findings.found)


@pytest.mark.parametrize("check", ["INJECT-001", "INJECT-002", "XSS-001"])
@pytest.mark.parametrize("status", [303, 401, 404, 429, 500])
def test_a_path_that_is_not_there_proves_nothing(status: int, check: str) -> None:
    """A typo, a sign-in page in between, a limit: no hostile text was looked at."""
    with pytest.raises(CannotTell, match=f"answered {status}"):
        findings_of(lambda _: reply(status), SEARCH, check=check)


@pytest.mark.parametrize("check", ["INJECT-001", "INJECT-002", "XSS-001"])
def test_a_parameter_that_nobody_reads_proves_nothing(check: str) -> None:
    """A typo in its name: whatever is sent, the answer is the same but for its nonce."""
    nonces = iter(f"{number:020x}" for number in range(100))

    with pytest.raises(CannotTell, match="nobody reads the parameter"):
        findings_of(lambda _: reply(200, f"<script nonce={next(nonces)}>"), SEARCH, check=check)


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: reply(200, f"found for {asked}"),
        lambda asked: reply(200, "" if asked == NOTHING else "a wall"),
        lambda asked: reply(404 if asked == NOTHING else 200),
    ],
    ids=["shown", "found", "refused"],
)
def test_a_parameter_that_is_read_is_looked_at(answer: Callable[[str], httpx.Response]) -> None:
    """What comes back has the text in it, or is found by it, or is refused for it."""
    for harmless in ("wall", {SEARCH: "wall"}):
        asked: list[str] = []

        def told(request: httpx.Request, asked: list[str] = asked) -> httpx.Response:
            asked.append(request.url.params["q"])
            return answer(html.escape(asked[-1]))

        assert [] == findings_of(told, SEARCH, harmless=harmless)
        assert ["wall", NOTHING] == asked[:2]


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        ("INJECT-001", lambda text: reply(500 if "'" in text else 200)),
        ("INJECT-002", lambda text: reply(200, "9801547" if "1337*7331" in text else "")),
        ("XSS-001", lambda text: reply(200, text if "<" in text else "")),
    ],
)
@pytest.mark.parametrize("paths", [(SEARCH,), (SEARCH, OTHER), (OTHER, SEARCH)])
def test_what_harmless_text_does_not_show_is_found(
    check: str, answer: Callable[[str], httpx.Response], paths: Sequence[str]
) -> None:
    """Whatever `harmless` forgets, hostile text that does something has been read; another path hides nothing of it."""

    def told(request: httpx.Request) -> httpx.Response:
        return answer(request.url.params["q"]) if request.url.path == "/search" else reply(200)

    if len(paths) == 1:
        assert findings_of(told, *paths, check=check)
        return
    with pytest.raises(AssertionError, match=r"(?s)/search.*/other.*nobody reads the parameter"):
        findings_of(told, *paths, check=check)


def test_what_was_not_seen_is_not_accepted_with_what_was_found() -> None:
    """A page that broke beside a finding fails as a whole: nobody accepts what nobody saw."""

    def told(request: httpx.Request) -> httpx.Response:
        text = request.url.params["q"]
        return reply(500 if "svg" in text else 200, text)

    with pytest.raises(AssertionError, match="no page came back"):
        findings_of(told, SEARCH)
