"""What answers weigh on the line is asked both ways; a server that does the same for everybody passes nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from evidence.errors import CannotTell
from evidence.model import Outcome
from evidence.release import Undeclared
from load import check_compression  # the functions' names would be collected
from load.compression import Body, Compression, Pair, Weighed, weigh, wrong
from load.config import Load, Login, Request
from load.finding import Finding
from load.measurement import Vitals
from load.quantile import TooFewSamples
from load.summary import summary
from load.visitor import NUMBER, Visitor
from tests.load.server import Server
from tests.load.test_checks import measured, steady
from tests.load.test_stage import DECLARED, ran

TEXT = b"concrete wall, " * 200
VARIES = frozenset({"accept-encoding"})
PLAIN = Body("", VARIES, 3000, 3000)
PACKED = Body("gzip", VARIES, 100, 3000)
LOAD = Load(rate_per_s=1, requests=(Request(name="search", path="/"),), compression=Compression())
Answering = Callable[[str], tuple[Mapping[str, str], bytes]]


def sent(packed: bytes, encoding: str = "gzip", vary: str = "Accept-Encoding") -> tuple[Mapping[str, str], bytes]:
    """An answer that says how it is encoded, and what it depends on."""
    return {"Content-Encoding": encoding, "Vary": vary} if encoding else {"Vary": vary}, packed


def well(accepted: str) -> tuple[Mapping[str, str], bytes]:
    """As it should be."""
    return sent(gzip.compress(TEXT)) if "gzip" in accepted else sent(TEXT, encoding="")


WRONG: dict[str, tuple[Answering, str]] = {
    "gzip for everybody": (lambda _: sent(gzip.compress(TEXT)), "gzip was not accepted, and came all the same"),
    "another one": (
        lambda _: sent(zlib.compress(TEXT), encoding="deflate"),
        "only gzip was accepted, and deflate came",
    ),
    "does not vary": (
        lambda accepted: ({**well(accepted)[0], "Vary": "Origin"}, well(accepted)[1]),
        r"to who accepts gzip it does not say .*\n.*to who accepts nothing it does not say",
    ),
    "says so and is not": (
        lambda accepted: sent(TEXT) if "gzip" in accepted else well(accepted),
        "says that it is gzip, and cannot be unpacked",
    ),
    "is cut short": (
        lambda accepted: sent(gzip.compress(TEXT)[:-9]) if "gzip" in accepted else well(accepted),
        "says that it is gzip, and is cut short",
    ),
}


@contextmanager
def serving(answering: Answering, status: int = 200) -> Iterator[str]:
    """Serve, by what is accepted; its address."""

    class Handler(BaseHTTPRequestHandler):
        """Answers GET."""

        def do_GET(self) -> None:
            headers, body = answering(self.headers.get("Accept-Encoding", ""))
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def seen(answering: Answering, load: Load = LOAD, status: int = 200) -> Finding:
    """What the check says of a server."""
    with serving(answering, status) as url:
        return judged(weigh(load, Visitor(url, load).ask), load)


def judged(weighed: Weighed, load: Load = LOAD) -> Finding:
    """What the check says of what was weighed."""
    return check_compression.check_answers_are_compressed(replace(measured(steady()), load=load, weighed=weighed))


def test_what_is_transferred_is_measured_against_what_is_read() -> None:
    """The ratio is that of the bytes of the body on the line; a policy holds it against a limit."""
    packed = len(gzip.compress(TEXT))
    finding = seen(well)

    assert {
        "transferred_ratio": packed / len(TEXT),
        "transferred_bytes": packed,
        "decoded_bytes": len(TEXT),
        "answers_total": 1,
    } == finding.measured
    assert f"search: {packed} bytes for {len(TEXT)}" == finding.detail


def test_nothing_compressed_is_a_ratio_of_one() -> None:
    """A server that compresses for nobody breaks no promise by itself: the ratio is what a policy fails it for."""
    assert 1.0 == seen(lambda _: (dict[str, str](), TEXT)).measured["transferred_ratio"]


@pytest.mark.parametrize(("answering", "message"), WRONG.values(), ids=WRONG)
def test_who_does_the_same_for_everybody_passes_nothing(answering: Answering, message: str) -> None:
    """What was not accepted, what no cache may keep apart, and what cannot be unpacked fails, however small it is."""
    with pytest.raises(AssertionError, match=f"search: .*{message}"):
        seen(answering)


@pytest.mark.parametrize("status", [404, 429, 503])
def test_another_answer_than_declared_tells_nothing(status: int) -> None:
    """A refusal that is small, or well compressed, is not what was asked for."""
    with pytest.raises(CannotTell, match=f"search: {status} instead of 200"):
        seen(well, status=status)


def test_what_becomes_very_large_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small answer could fill our memory."""
    monkeypatch.setattr("load.compression.MOST_BYTES", 1000)

    with pytest.raises(CannotTell, match="unpacks to more than 1000 bytes"):
        seen(well)


def test_a_release_that_is_gone_tells_nothing() -> None:
    """The kind of error is told, and never its text."""
    with serving(well) as url:
        pass

    assert "search: ConnectionRefusedError" == weigh(LOAD, Visitor(url, LOAD).ask).problem


def test_short_answers_need_not_be_compressed() -> None:
    """And where there is no long one nothing was seen."""
    load = msgspec.structs.replace(LOAD, compression=Compression(at_least_bytes=len(TEXT) + 1))

    with pytest.raises(TooFewSamples, match=r"no answer of the load has 3001 bytes"):
        seen(lambda _: (dict[str, str](), TEXT), load)


def test_the_worst_answer_counts_but_those_that_are_excepted() -> None:
    """One kind of request that is forgotten is seen among many; a reason takes it out."""
    requests = (*LOAD.requests, Request(name="report", path="/report"))
    weighed = Weighed((Pair("search", PACKED, PLAIN), Pair("report", PLAIN, PLAIN)))
    excepted = Compression(not_compressed={"report": "it is a picture, and packed already"})

    assert [1.0, 100 / 3000] == [
        judged(weighed, msgspec.structs.replace(LOAD, requests=requests, compression=one)).measured["transferred_ratio"]
        for one in (LOAD.compression, excepted)
    ]


def test_where_nothing_differs_nothing_need_vary() -> None:
    """Of an answer that is as it is for everybody, caches may keep one."""
    alike = Body("", frozenset(), 3000, 3000)

    assert [] == wrong(Pair("search", alike, alike), 1024)
    assert [] == wrong(Pair("search", PACKED._replace(vary=frozenset({"*"})), PLAIN), 1024)


def test_what_is_not_declared_is_not_verified() -> None:
    """So is what did not come to an end."""
    with pytest.raises(Undeclared, match=r"\[load.compression\] is not declared"):
        judged(Weighed(), msgspec.structs.replace(LOAD, compression=None))
    with pytest.raises(CannotTell, match="the load did not end"):
        check_compression.check_answers_are_compressed(replace(measured(steady()), load=LOAD))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"compression": {"not_compressed": {"nobody": "it is short"}}}, "'nobody' needs a request of that name"),
        ({"compression": {"not_compressed": {"search": " "}}}, "'search' needs a request of that name, and a reason"),
        ({"compression": {"least": 1}}, "unknown field `least`"),
        ({"model": "closed", "users": 1, "rate_per_s": 0, "requests": [], "locustfile": "l.py"}, "a locustfile has"),
    ],
)
def test_an_exception_that_excepts_nothing_is_refused(fields: dict[str, Any], message: str) -> None:
    """A misspelt name would leave its answer out of nothing, or all of it."""
    table = {"rate_per_s": 1, "requests": [{"name": "search", "path": "/"}], "compression": {}}

    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(table | fields, Load)


def test_the_visitor_signs_in_as_users_do() -> None:
    """It has a number that no arrival has, rows, cookies and a token, and says what it accepts."""
    request = Request(name="echo", path="/echo/{item}", method="PUT", json={"key": "k-{n}"}, headers={"A": "{token}"})
    login = Login(path="/login", form={"user": "u-{n}"}, token="token")
    load = Load(rate_per_s=1, requests=(request,), rows=({"item": "a"}, {"item": "b"}), login=login)
    with Server() as server:
        weighed = weigh(load, Visitor(server.url, load).ask)
    (_, _, form), (first, head, body), (second, plain, _) = server.kept

    assert ("", f"user=u-{NUMBER}", {"/echo/a", "/echo/b"}) == (weighed.problem, form, {first, second})
    assert f'{{"key":"k-{NUMBER + 1}"}}' == body
    assert {"Cookie: session=s-1", "A: t-1", "Accept-Encoding: gzip"} <= set(head.splitlines())
    assert "Accept-Encoding: identity" in plain


@pytest.mark.parametrize("login", [Login(path="/refused"), Login(path="/login", token="key")])
def test_a_visitor_who_cannot_sign_in_tells_nothing(login: Login) -> None:
    """What an answer weighs to somebody else is not known."""
    load = msgspec.structs.replace(LOAD, login=login)
    with Server() as server, pytest.raises(CannotTell, match="one more user could not sign in"):
        Visitor(server.url, load)


def test_the_summary_has_each_answer() -> None:
    """What was weighed is told by request, whatever the check makes of it."""
    weighed = Weighed((Pair("search", PACKED, PLAIN),))
    told = summary(replace(measured(steady()), load=LOAD, weighed=weighed), {})["compression"]

    assert ("", ["search"]) == (told["problem"], [each["name"] for each in told["answers"]])
    assert (100, ["accept-encoding"]) == (
        told["answers"][0]["gzip"]["transferred_bytes"],
        told["answers"][0]["gzip"]["vary"],
    )


def test_an_answer_weighs_the_same_however_late_we_were(release_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that did not keep up times nothing, and still sees what is compressed."""
    late = replace(measured(steady(), Vitals(lag_ms=[1.0], cpu_ratio=[0.99])), load=LOAD)
    with serving(well) as url:
        monkeypatch.setenv("TARGET_URL", url)
        _, evidence = ran(release_file, DECLARED, late)

    assert (Outcome.ERRORED, Outcome.PASSED) == (evidence["LOAD-001"].outcome, evidence["LOAD-011"].outcome)
