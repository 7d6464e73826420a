"""Leaks are told by what only the inside knows; ordinary pages that speak of such things are none."""

from __future__ import annotations

import httpx
import pytest

from suites.security import leaks

TOLD = [
    ("Traceback (most recent call last):\n  File", {"python-trace"}),
    ('File "/srv/app/views.py", line 12, in get', {"python-trace", "path"}),
    ("at org.example.Shop.sell(Shop.java:42)", {"java-trace"}),
    ("java.lang.NullPointerException", {"java-trace"}),
    ("at Object.<anonymous> (/app/server.js:10:5)", {"javascript-trace"}),
    ("<b>Warning</b>: mysql_query() on line <b>4</b>", {"php-trace"}),
    ("app/models/user.rb:12:in `find'", {"ruby-trace"}),
    ("at Shop.Sell() in C:\\shop.cs:line 7", {"dotnet-trace"}),
    ("goroutine 1 [running]:", {"go-trace"}),
    ('ERROR: syntax error at or near "\'"', {"sql"}),
    ("/usr/local/lib/python3.11/json/decoder.py", {"path"}),
    ("site-packages/django/db", {"path"}),
    ("It is not there. Go to the library.", set()),
    ("Read https://a.example/home/page and /opt-in/now or the home/ of it", set()),
    ('<script src="/static/lib/app.js"></script>', set()),
]


@pytest.mark.parametrize(("text", "expected"), TOLD)
def test_the_inside_is_recognised(text: str, expected: set[str]) -> None:
    """Each language's trace is told by its own words, and a page that holds none is not accused."""
    assert expected == {rule for rule, _ in leaks.inside(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<meta content='correct-horse-battery'>", ["APP_SECRET"]),
        ("estimator@example.com", []),
        ("-----BEGIN RSA PRIVATE KEY-----", ["private-key"]),
        ("AKIAIOSFODNN7EXAMPLE", ["aws-key"]),
        ("postgresql://app:s3cret@db.example/app", ["address-with-password"]),
        ("postgresql://db.example/app", []),
        ("short", []),
    ],
)
def test_secrets_are_named_and_not_shown(text: str, expected: list[str]) -> None:
    """A known secret is found by its value and told by its name; what is written like one is found, too."""
    known = {"APP_SECRET": "correct-horse-battery", "USER_EMAIL": "estimator@example.com", "OTHER_KEY": "short"}
    found = list(leaks.secrets(text, known))

    assert expected == [rule for rule, _ in found]
    assert "correct-horse-battery" not in str(found)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("/.git/HEAD", "ref: refs/heads/main\n", True),
        ("/.git/HEAD", "<!doctype html>", False),
        ("/.env", "# local\nSECRET_KEY=a\n", True),
        ("/.env", "<!doctype html><title>A=b</title>", False),
        ("/backup.sql", "--\n-- PostgreSQL database dump\n--", True),
    ],
)
def test_a_file_is_served_only_where_it_is_itself(path: str, text: str, *, expected: bool) -> None:
    """An application that answers its page to any path serves no such file."""
    assert expected is leaks.served(path, httpx.Response(200, text=text))
    assert not leaks.served(path, httpx.Response(404, text=text))


@pytest.mark.parametrize(("text", "expected"), [('{"sources": [], "mappings": "A"}', True), ("<!doctype html>", False)])
def test_a_source_map_is_one(text: str, *, expected: bool) -> None:
    """A page in place of a map is none."""
    assert expected is leaks.is_source_map(httpx.Response(200, text=text))
