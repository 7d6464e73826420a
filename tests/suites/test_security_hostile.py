"""Every hostile body is wrong in its one way, and what addresses must not bring out is recognised."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from checks.findings import Findings
from evidence.release import Release, Source
from suites.security import check_input, hostile
from suites.security.answers import Seen
from suites.security.check_roles import filled, placeholders

SAMPLE = {"name": "a", "date": "2026-03-01", "count": 3}
BODIES = {body.name: body for body in hostile.bodies(SAMPLE, 1000)}
ODD = {f"with {what} in {field}" for what in ("NUL", "half a surrogate") for field in ("name", "date")}
READABLE = {"a list", "of wrong types", "without a value", "oversized", "oversized by blanks", *ODD}
"""What a parser takes: these are wrong for whoever reads what was parsed."""
LENIENT = {"not a number", "an endless number"}
"""What Python's own parser takes, though it is no JSON."""


def test_what_cannot_be_read_is_not_readable() -> None:
    """All but a few bodies are no JSON at all."""
    broken = set()
    for name, body in BODIES.items():
        try:
            json.loads(body.content)
        except (ValueError, RecursionError):
            broken.add(name)

    assert set(BODIES) - READABLE - LENIENT == broken


def test_only_what_some_service_could_mean_may_be_taken() -> None:
    """A text with odd characters may be somebody's text; nothing else may be."""
    assert ODD == {body.name for body in BODIES.values() if body.may_be_taken}


def test_sizes_are_as_told() -> None:
    """The oversized ones are as large as release.toml says, and the bomb is small until it is taken apart.

    But for their size nothing is wrong with what they say: whoever has no limit takes them.
    """
    bomb, blanks = BODIES["a decompression bomb"].content, BODIES["oversized by blanks"].content

    assert min(len(BODIES["oversized"].content), len(blanks)) > 1000
    assert len(bomb) < 512 * 1024
    assert len(gzip.decompress(bomb)) > hostile.BOMB_BYTES
    assert [SAMPLE, SAMPLE] == [json.loads(blanks), json.loads(gzip.decompress(bomb))]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (httpx.Response(200, text="root:x:0:0:root:/root:/bin/bash"), True),
        (httpx.Response(302, headers={hostile.MARKER: "yes"}), True),
        (httpx.Response(302, headers={"location": "https://evil.example/"}), True),
        (httpx.Response(302, headers={"location": "/login"}), False),
        (httpx.Response(200, text="You searched for https://evil.example/"), False),
    ],
)
def test_what_a_path_brings_out_is_recognised(answer: httpx.Response, *, found: bool) -> None:
    """A file's content, a forged header and a redirect elsewhere; an address that is only shown is none."""
    assert found is (hostile.path_problem(answer) is not None)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (httpx.Response(303, headers={"location": "https://evil.example/login"}), True),
        (httpx.Response(200, text='<a href="//evil.example/reset">'), True),
        (httpx.Response(200, text="The host evil.example is not ours."), False),
    ],
)
def test_a_made_up_host_is_recognised_in_links(answer: httpx.Response, *, found: bool) -> None:
    """Links and redirects to it, not its name in a sentence."""
    assert found is (hostile.trusted_host(answer) is not None)


def test_ids_are_put_into_declared_bodies() -> None:
    """A declared body names ids in braces; what is no such name stays."""
    body = {"project_id": "{project_id}", "name": "a", "count": 3}

    assert ["project_id"] == placeholders(body)
    assert {"project_id": 4, "name": "a", "count": 3} == filled(body, {"project_id": 4})
    assert ([], None) == (placeholders(None), filled(None, {}))


def test_a_made_up_host_is_tried_at_the_same_path() -> None:
    """What was looked at is asked for again, by its method and path, not by the words that findings use for it."""
    asked: list[tuple[str, str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.raw_path.decode(), request.headers["host"]))
        return httpx.Response(200)

    release = Release(name="shop", version="1", source=Source(paths=()), target={"start": ["serve"], "health": "/well"})
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://release") as http:
        moved = httpx.Response(
            302, headers={"location": "/a/"}, request=http.build_request("VERIFY", "/a/%c0%af?q=x%20y")
        )
        seen = Seen(place="page that is not there", kind="error", answer=moved)
        check_input.check_the_host_is_not_taken_on_trust(http, release, (seen,), Findings(), lambda **_: None)

    assert [("VERIFY", "/a/%c0%af?q=x%20y", host) for host in (hostile.EVIL, "release", "release")] == asked[:3]
    assert [("GET", "/well", "release")] == asked[3:]
