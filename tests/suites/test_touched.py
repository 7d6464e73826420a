"""A stranger's server is asked no faster than it may be, and what was asked of it is listed."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from suites import api, touched
from suites.touched import AT_ONCE, Pace, Touched, pattern, rate, without_values


class Clock:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        """It is late already: no clock begins at nought."""
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


def test_requests_are_held_to_the_rate() -> None:
    """A few go at once, the others in their time; who paused may send a few at once again, and no more."""
    clock, begun = Clock(), []
    pace = Pace(10.0, clock, clock.sleep)
    for pause in (0, 60):
        clock.sleep(pause)
        start = clock.now
        for _ in range(AT_ONCE + 20):
            pace.wait()
            begun.append(clock.now - start)

    assert pytest.approx(2 * [0.0] * AT_ONCE, abs=1e-6) == begun[:AT_ONCE] + begun[AT_ONCE + 20 :][:AT_ONCE]
    assert [2.0, 2.0] == [pytest.approx(begun[AT_ONCE + 19]), pytest.approx(begun[-1])]


def test_nothing_is_held_without_a_rate() -> None:
    """On one's own machine nothing waits."""
    clock = Clock()
    pace = Pace(None, clock, clock.sleep)
    for _ in range(100):
        pace.wait()

    assert 1000.0 == clock.now


@pytest.mark.parametrize(
    ("url", "told", "expected"),
    [
        ("http://127.0.0.1:8000", None, None),
        ("http://localhost:8000", "3", 3.0),
        ("https://shop.example", None, touched.RATE),
        ("https://shop.example", "0.5", 0.5),
    ],
)
def test_the_rate_is_as_declared_or_polite(url: str, told: str | None, expected: float | None) -> None:
    """Elsewhere than on loopback there always is one."""
    assert expected == rate(url, {touched.ENVIRONMENT: told} if told else {})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/api/items/17?key=secret", "/api/items/{id}"),
        ("/a/0b5f3e0c-9d3d-4b7e-8f0a-1c2d3e4f5a6b/b", "/a/{id}/b"),
        ("/reset/Zk3vTq8xLw0pRb7mNc5y", "/reset/{id}"),
        ("/static/../../etc/passwd", "/static/{…}"),
        ("/static/..%2f..%2fetc/passwd", "/static/{…}"),
        ("/<script>/x", "/{…}"),
        ("/" + "z" * 100, "/" + "z" * touched.LONGEST_PART),
        ("/page/", "/page/"),
    ],
)
def test_alike_paths_are_one(path: str, expected: str) -> None:
    """Neither ids, tokens, queries nor hostile text stand in the list."""
    assert expected == pattern(path)


def test_the_list_counts_by_method_path_and_answer() -> None:
    """What was asked often is one line; what got no answer is told."""
    seen = Touched()
    for method, path, status in (("GET", "/a/1", 200), ("GET", "/a/2", 404), ("GET", "/a/3", 200), ("PUT", "/a/1", 0)):
        seen.add(method, path, status)

    assert {
        "requests_total": 4,
        "touched": [
            {"method": "GET", "path": "/a/{id}", "count": 3, "answers": {"2xx": 2, "4xx": 1}},
            {"method": "PUT", "path": "/a/{id}", "count": 1, "answers": {"no answer": 1}},
        ],
        "statements_total": 0,
        "statements": [],
    } == json.loads(seen.written())


def test_the_list_has_an_end() -> None:
    """Of very many kinds of path the last ones share a line, and none is lost."""
    seen = Touched()
    for number in range(touched.MOST_ROWS + 10):
        seen.add("GET", f"/a{number}x", 200)

    assert (touched.MOST_ROWS + 1, touched.MOST_ROWS + 10) == (len(seen.rows()), sum(row.count for row in seen.rows()))
    assert 10 == next(row.count for row in seen.rows() if row.path == "(others)")


def test_what_another_process_asked_is_added() -> None:
    """The browser of a team's own journeys is another process's: its list and ours are one."""
    ours, theirs = Touched(), Touched()
    for seen in (ours, theirs):
        seen.add("GET", "/a/1", 200)
    theirs.add("GET", "/b", 0)
    ours.take(theirs.rows())

    assert [("/a/{id}", {"2xx": 2}), ("/b", {"no answer": 1})] == [(row.path, row.answers) for row in ours.rows()]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT  id\nFROM items WHERE code = 'se''cret' -- 'a note'", "SELECT id FROM items WHERE code = ?"),
        ("SELECT 1, 2.5, 1e5, items_2 FROM a /* 'note' */ AS b", "SELECT ?, ?, ?, items_2 FROM a AS b"),
        (r"SELECT E'se\'cret', $$sec'ret$$, $q$sec$$ret$q$ WHERE id = %(id)s", "SELECT ?, ?, ? WHERE id = %(id)s"),
        ('DELETE FROM "we\'ird ""one""" WHERE x = \'secret\'', 'DELETE FROM "we\'ird ""one""" WHERE x = ?'),
        ("ALTER ROLE shop PASSWORD 'secret", "ALTER ROLE shop PASSWORD …"),
        ("SELECT $q$secret", "SELECT …"),
        ("SELECT /* secret", "SELECT …"),
        ('DROP DATABASE "release_verification_0a1b2c3d4e5f"', 'DROP DATABASE "release_verification_{id}"'),
        ("SELECT " + "z" * 400, "SELECT " + "z" * (touched.LONGEST_STATEMENT - 7) + "…"),
    ],
)
def test_a_statement_is_listed_without_its_values(statement: str, expected: str) -> None:
    """However a value is written, it is not in the list; a text that has no end takes all that follows with it."""
    assert expected == without_values(statement)


def test_statements_are_counted_up_to_an_end() -> None:
    """Alike ones are one line, and of very many the last ones share one."""
    seen = Touched()
    for number in range(3):
        seen.ran(f"SELECT {number}")
    for number in range(touched.MOST_ROWS + 9):
        seen.ran(f"SELECT a{number}x")
    listed = json.loads(seen.written())
    counts = {each["statement"]: each["count"] for each in listed["statements"]}

    assert (touched.MOST_ROWS + 12, 3, 10) == (listed["statements_total"], counts["SELECT ?"], counts["(others)"])


class Impatient(BaseHTTPRequestHandler):
    """Answers 429 once, and 200 after that."""

    asked = 0

    def do_GET(self) -> None:
        """Answer."""
        type(self).asked += 1
        self.send_response(429 if self.asked == 1 else 200)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_every_request_of_a_client_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is sent again, and one that nobody answers."""
    seen = Touched()
    monkeypatch.setattr(api, "TOUCHED", seen)
    with ThreadingHTTPServer(("127.0.0.1", 0), Impatient) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("TARGET_URL", f"http://127.0.0.1:{server.server_port}")
        with api.Client() as http:
            http.get("/a/1?q=x")
        server.shutdown()
    with api.Client() as http, pytest.raises(httpx.TransportError):
        http.get("/b")

    assert [("/a/{id}", {"2xx": 1, "4xx": 1}), ("/b", {"no answer": 1})] == [
        (row.path, row.answers) for row in seen.rows()
    ]
