"""What the health paths say during an outage is seen as it is."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from evidence.errors import CannotTell
from suites.integration import check_health
from suites.integration.contract import Health
from suites.integration.outage import Outages

HEALTH = Health(paths=("/up", "/db"), dependencies={"database": "/db"}, alive=("/up",), within_s=0.3)
State = dict[str, bool]


def outages(answer: Callable[[str, bool], httpx.Response]) -> tuple[Outages, list[str]]:
    """A release whose answers depend on the path, and on whether its database is away; and the hooks that were run."""
    ran: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        return answer(request.url.path, bool(ran) and ran[-1] in {"database_down", "database_pause"})

    http = httpx.Client(transport=httpx.MockTransport(handler), base_url="http://release")
    return Outages(http, HEALTH, ran.append), ran


def test_a_path_that_follows_is_seen_to_follow() -> None:
    """Gone, alive and back are told; the outage is made once, however many checks ask."""
    seen, ran = outages(lambda path, away: httpx.Response(503 if away and path == "/db" else 200))

    outage = seen.of("database", "pause")

    assert ("", "", {"/up": "200"}) == (outage.gone.seen, outage.back.seen, outage.alive)
    assert outage is seen.of("database", "pause")
    assert ["database_pause", "database_resume"] == ran


def test_a_path_that_stays_well_is_told() -> None:
    """A path that never says 503 is told with what it said."""
    seen, _ = outages(lambda _path, _away: httpx.Response(200))

    assert "200" == seen.of("database", "down").gone.seen


def test_a_path_that_hangs_is_told() -> None:
    """No answer in time is not taken for a 503, and not for an accident of ours."""

    def answer(path: str, away: bool) -> httpx.Response:  # noqa: FBT001 - the shape that `outages` asks for
        if away and path == "/db":
            raise httpx.ReadTimeout(path)
        return httpx.Response(200)

    seen, _ = outages(answer)

    assert "no answer (ReadTimeout)" == seen.of("database", "down").gone.seen


def test_liveness_that_follows_is_told() -> None:
    """What the liveness path says during the outage is kept."""
    seen, _ = outages(lambda _path, away: httpx.Response(503 if away else 200))

    assert {"/up": "503"} == seen.of("database", "down").alive


def test_what_was_ill_before_is_not_disturbed() -> None:
    """A path that is not well to begin with proves nothing by a 503."""
    seen, ran = outages(lambda _path, _away: httpx.Response(503))

    with pytest.raises(CannotTell, match="/db answers 503 before database is taken away"):
        seen.of("database", "down")
    assert [] == ran


def test_the_dependency_comes_back_also_where_we_break() -> None:
    """What was taken away is brought back, whatever happens in between."""

    def answer(_path: str, away: bool) -> httpx.Response:  # noqa: FBT001 - the shape that `outages` asks for
        if away:
            raise KeyError
        return httpx.Response(200)

    seen, ran = outages(answer)

    with pytest.raises(KeyError):
        seen.of("database", "down")
    assert ["database_down", "database_up"] == ran


def test_a_page_for_whatever_is_asked_is_no_health() -> None:
    """A typo in a path ends at the page that an application with routes of its own serves for any."""
    answer = httpx.MockTransport(lambda _: httpx.Response(200, content=iter([b"<title>Shop</title>"])))

    with (
        httpx.Client(transport=answer, base_url="http://release") as http,
        pytest.raises(CannotTell, match="which is not there, is answered as /up is: 200 says nothing"),
    ):
        check_health.check_health_paths_answer(http, HEALTH, lambda **_: None)


def test_health_beside_such_a_page_is_health() -> None:
    """What the health path says is something else."""
    answer = httpx.MockTransport(
        lambda asked: httpx.Response(200, content=iter([b"{}"] if asked.url.path in HEALTH.paths else [b"<title>"]))
    )
    with httpx.Client(transport=answer, base_url="http://release") as http:
        check_health.check_health_paths_answer(http, HEALTH, lambda **_: None)
