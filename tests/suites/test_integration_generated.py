"""What schemathesis saw is read as it is: what it could not reach is no pass."""

from __future__ import annotations

import base64
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from evidence.errors import CannotTell
from suites.integration import generated
from suites.integration.check_generated import _looked_everywhere
from suites.integration.contract import Generated


def scenario(operation: str, statuses: list[int | None], *failed: str) -> dict[str, Any]:
    """One scenario's event: its answers, none where the status is None, and the checks that failed."""
    answers = [{"response": None if status is None else {"status_code": status}} for status in statuses]
    failures = [
        {"name": name, "status": "failure", "failure_info": {"failure": {"title": "Bad", "message": "as told"}}}
        for name in failed
    ]
    checks = [{"name": "not_a_server_error", "status": "success"}, *failures]
    recorder = {"label": operation, "interactions": dict(enumerate(answers)), "checks": {"a": checks}}
    return {"ScenarioFinished": {"recorder": recorder}}


def read(*events: dict[str, Any], stopped: str = "completed") -> generated.Seen:
    """Read events that end as told."""
    return generated.read(map(json.dumps, [*events, {"EngineFinished": {"stop_reason": stopped}}]))


def test_answers_and_failures_are_told_by_operation() -> None:
    """Statuses are collected over scenarios; a check that fails often is told once."""
    seen = read(
        scenario("GET /a", [200, 404], "status_code_conformance"),
        scenario("GET /a", [422], "status_code_conformance"),
        scenario("GET /b", [500, None], "not_a_server_error"),
    )

    assert {"GET /a": {200, 404, 422}, "GET /b": {500, 0}} == seen.statuses
    assert {
        ("GET /a", "status_code_conformance"): "Bad: as told",
        ("GET /b", "not_a_server_error"): "Bad: as told",
    } == seen.failures
    assert (5, "completed") == (seen.cases, seen.stopped)


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        (None, "POST /v1/a?q=x: Bad: as told"),
        (b'{"n": 0}', "POST /v1/a?q=x with the body '{\"n\": 0}': Bad: as told"),
        (b"a" * 1000, f"POST /v1/a?q=x with the body {'a' * generated.QUOTED!r}: Bad: as told"),
        (b"\xff", "POST /v1/a?q=x with the body '\N{REPLACEMENT CHARACTER}': Bad: as told"),
    ],
)
def test_a_failure_quotes_its_request(body: bytes | None, quoted: str) -> None:
    """What was asked is told with what was wrong, so that it can be asked again; no header is."""
    event = scenario("POST /a", [500], "not_a_server_error")
    sent = {"method": "POST", "uri": "http://release/v1/a?q=x", "headers": {"Authorization": ["Bearer secret"]}}
    if body:
        sent["body"] = {"$base64": base64.b64encode(body).decode()}
    event["ScenarioFinished"]["recorder"]["interactions"] = {"a": {"request": sent}}

    assert [quoted] == list(read(event).failures.values())


@pytest.mark.parametrize("statuses", [[401], [403, 404], [429, 405], []])
def test_an_operation_behind_a_door_was_not_reached(statuses: list[int | None]) -> None:
    """An operation that only says that one may not, or that there is nothing, was not looked at."""
    assert ["GET /a"] == read(scenario("GET /a", statuses), scenario("GET /b", [401, 200])).unreached


@pytest.mark.parametrize(
    ("stopped", "unreached", "why"),
    [("max_time", [], "did not come to its end"), ("completed", ["GET /a"], "nothing was seen .* of GET /a")],
)
def test_what_was_not_looked_at_is_no_pass(stopped: str, unreached: list[str], why: str) -> None:
    """A run that broke off, or met a closed door, cannot tell."""
    with pytest.raises(CannotTell, match=why):
        _looked_everywhere(read(stopped=stopped), unreached)


def test_a_run_that_broke_off_has_no_end() -> None:
    """Events that end in the middle are not taken for a whole run."""
    assert "broken off" == generated.read([json.dumps(scenario("GET /a", [200]))]).stopped


def test_no_secret_stands_in_the_file() -> None:
    """A variable is left to schemathesis to look up, and undeclared methods are never sent."""
    written = tomllib.loads(generated.configuration({"X-Key": 'a "${KEY}"'}))

    assert {"User-Agent": "release-verification", "X-Key": 'a "${KEY}"'} == written["headers"]
    assert [] == written["phases"]["coverage"]["unexpected-methods"]


def test_the_command_is_bounded_and_seeded() -> None:
    """The command names what is asked, how long, and by which seed; it can be run again as it stands."""
    declared = Generated(max_examples=5, seed=7, within_s=9, rate_limit="10/s")
    asked = generated.command(declared, "http://release/openapi.json", "http://release/v1", "file.toml")

    assert ["schemathesis", "--config-file=file.toml", "run", "http://release/openapi.json"] == asked[:4]
    assert {
        "--url=http://release/v1",
        "--include-method=GET",
        "--max-examples=5",
        "--seed=7",
        "--max-time=9",
        "--rate-limit=10/s",
        "--phases=coverage,fuzzing",
    } <= set(asked)


@pytest.mark.parametrize(("methods", "expected"), [(("GET",), True), (("GET", "DELETE"), False)])
def test_two_are_asked_at_a_time_where_nothing_is_changed(methods: tuple[str, ...], expected: bool) -> None:  # noqa: FBT001
    """What one request changes another would see: then they come one after another, the same way every time."""
    asked = generated.command(Generated(methods=methods), "a", "b", "file.toml")

    assert expected == ("--workers=2" in asked)


@pytest.mark.parametrize(
    ("declared", "per_second", "expected"),
    [("", None, []), ("", 20.0, ["20/s"]), ("", 0.5, ["30/m"]), ("3/s", 20.0, ["3/s"])],
)
def test_it_asks_no_faster_than_it_may(declared: str, per_second: float | None, expected: list[str]) -> None:
    """The rate of the release holds for schemathesis, too, where its own table says no other."""
    asked = generated.command(Generated(rate_limit=declared), "a", "b", "file.toml", per_second)

    assert expected == [each.partition("=")[2] for each in asked if each.startswith("--rate-limit")]


def test_a_release_that_is_not_there_is_not_judged(tmp_path: Path) -> None:
    """Where schemathesis cannot begin, its own words are told, and nothing is passed."""
    asked = generated.command(
        Generated(), "http://127.0.0.1:1/openapi.json", "http://127.0.0.1:1", str(tmp_path / "file.toml")
    )
    (tmp_path / "file.toml").write_text(generated.configuration({}))

    with pytest.raises(CannotTell, match=r"(?s)ended with exit code 2: .*Failed to load specification"):
        generated.run(asked, tmp_path, 30)
