"""What is said of TLS, of real servers with certificates of an authority of their own."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from checks.findings import Findings
from evidence import release as releases
from evidence.errors import CannotTell, NotApplicable
from evidence.release import Release
from fixtures import front
from suites.security import check_tls, tls

Serve = Callable[..., str]
OLD = ssl.TLSVersion.TLSv1


@pytest.fixture
def authority(tmp_path: Path) -> front.Issuer:
    """An authority, and its file."""
    made = front.issue("Authority", None)
    (tmp_path / "ca.pem").write_bytes(front.pem(made[0]))
    return made


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve by TLS with this certificate."""
    servers = []

    def start(issued: front.Issuer, change: Callable[[ssl.SSLContext], None] = lambda _context: None) -> str:
        context = front.context_of(issued, tmp_path)
        change(context)
        server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"https://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Release]:
    """A release.toml with this [security.tls]."""

    def write(url: str, **declared: str) -> Release:
        monkeypatch.setenv("TARGET_URL", url)
        lines = ["[security.tls]", *(f'{name} = "{value}"' for name, value in declared.items())]
        text = "\n".join(['name = "a"', 'version = "1"', "[source]", 'paths = ["."]', *(lines if declared else [])])
        (tmp_path / "release.toml").write_text(text)
        return releases.load(tmp_path / "release.toml")

    return write


def judge(check: Callable[..., None], release: Release) -> tuple[dict[str, str], dict[str, float]]:
    """What a check of TLS finds and measures."""
    findings, measured = Findings(), dict[str, float]()
    check(release, findings, lambda **values: measured.update(values))
    return {place: found.what for place, found in findings.found.items()}, measured


def test_good_certificate_is_trusted_and_its_days_are_counted(
    authority: front.Issuer, serve: Serve, declare: Callable[..., Release]
) -> None:
    """A certificate of the declared authority, for this address: nothing is found, and the days are measured."""
    url = serve(front.issue("Server", authority, days=30))
    found, measured = judge(check_tls.check_certificate_is_trusted, declare(url, ca="ca.pem"))

    assert {} == found
    assert 29.9 < measured["expires_in_days"] <= 30


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"days": -1}, "certificate has expired"),
        ({"names": ("www.example.com",)}, "IP address mismatch"),
        ({"names": ("127.0.0.2",)}, "IP address mismatch"),
    ],
    ids=["expired", "another name", "another address"],
)
def test_bad_certificate_is_found(
    authority: front.Issuer, serve: Serve, declare: Callable[..., Release], options: dict[str, object], said: str
) -> None:
    """A certificate that a browser refuses is found, with OpenSSL's own words, and no days are measured."""
    url = serve(front.issue("Server", authority, **options))  # type: ignore[arg-type]
    found, measured = judge(check_tls.check_certificate_is_trusted, declare(url, ca="ca.pem"))

    assert ["certificate"] == list(found)
    assert said in found["certificate"]
    assert {} == measured


@pytest.mark.parametrize("ca", ["ca.pem", ""])
def test_certificate_of_nobody_is_found(
    authority: front.Issuer, serve: Serve, declare: Callable[..., Release], ca: str
) -> None:
    """Who issued the certificate to itself is trusted neither by the machine nor by another authority."""
    assert authority
    url = serve(front.issue("Server", None))
    found, _ = judge(check_tls.check_certificate_is_trusted, declare(url, **({"ca": ca} if ca else {"plain": "x"})))

    assert "self-signed" in found["certificate"]


def test_server_that_speaks_only_old_versions_is_found(
    authority: front.Issuer, serve: Serve, declare: Callable[..., Release]
) -> None:
    """No browser comes to a handshake with it."""
    url = serve(front.issue("Server", authority), only_old)
    found, _ = judge(check_tls.check_certificate_is_trusted, declare(url, ca="ca.pem"))

    assert ["handshake"] == list(found)


def test_own_openssl_is_asked_before_a_server_is_judged() -> None:
    """Of a version that OpenSSL has it is known that we speak it: otherwise every refusal would look like the server's.

    And of a context that cannot work it is known, too.
    """
    assert tls.we_speak(ssl.TLSVersion.TLSv1_2)
    assert not tls.we_speak(ssl.TLSVersion.SSLv3)


def test_who_does_not_speak_tls_has_refused_nothing() -> None:
    """At a port of plain http, or of nobody, every version is refused."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]

    with pytest.raises(CannotTell, match="does not speak TLS as browsers do"):
        check_tls.speaks_today(f"https://127.0.0.1:{port}")


def test_nobody_by_plain_http_is_right_only_where_nobody_is_declared(declare: Callable[..., Release]) -> None:
    """A typo in `plain` leads to nobody, too."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    release = declare("https://127.0.0.1:1", plain=f"http://127.0.0.1:{port}")

    with pytest.raises(CannotTell, match=r"\[security.tls\] plain: nobody listens"):
        check_tls.check_plain_http_only_leads_to_tls(release, Findings())


def test_health_is_looked_at_where_the_root_is_nothing(
    declare: Callable[..., Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service without a page at its root is served by plain http all the same."""
    monkeypatch.setattr(httpx, "get", lambda url, **_: httpx.Response(200 if url.endswith("/health") else 404))
    release = declare("https://shop.example")
    release.target["health"] = "/health"
    findings = Findings()
    check_tls.check_plain_http_only_leads_to_tls(release, findings)

    assert ["plain-served"] == list(findings.found)


@pytest.mark.skipif(not tls.we_speak(OLD), reason="the OpenSSL of this machine does not speak TLS 1.0")
def test_floor_is_seen(authority: front.Issuer, serve: Serve, declare: Callable[..., Release]) -> None:
    """A server from TLS 1.2 on is right; one that speaks TLS 1.0, too, is found by that version's name."""
    issued = front.issue("Server", authority)
    good, bad = serve(issued), serve(issued, also_old)

    assert ({}, {"versions_total": 2}) == judge(check_tls.check_old_versions_are_refused, declare(good, ca="ca.pem"))
    found, _ = judge(check_tls.check_old_versions_are_refused, declare(bad, ca="ca.pem"))
    assert ["TLS 1.0", "TLS 1.1"] == list(found)


def test_what_we_do_not_speak_is_not_judged(
    authority: front.Issuer, serve: Serve, declare: Callable[..., Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where our OpenSSL has no TLS 1.0 nothing is known of the server."""
    monkeypatch.setattr(tls, "we_speak", lambda version: version is not OLD)
    release = declare(serve(front.issue("Server", authority)), ca="ca.pem")

    with pytest.raises(CannotTell, match=r"does not speak TLS 1\.0 itself"):
        judge(check_tls.check_old_versions_are_refused, release)


def test_plain_http_on_loopback_is_not_applicable(declare: Callable[..., Release]) -> None:
    """There is no way on which somebody could be; elsewhere plain http is the finding."""
    with pytest.raises(NotApplicable, match="plain http on loopback"):
        judge(check_tls.check_certificate_is_trusted, declare("http://127.0.0.1:1"))
    with pytest.raises(AssertionError, match="reached by plain http"):
        judge(check_tls.check_certificate_is_trusted, declare("http://staging.example"))


@pytest.mark.parametrize(
    ("answer", "rules"),
    [
        (httpx.Response(308, headers={"location": "https://shop.example/a"}), []),
        (httpx.Response(403), []),
        (httpx.Response(200), ["plain-served"]),
        (httpx.Response(301, headers={"location": "/login"}), ["plain-stays"]),
        (httpx.Response(301, headers={"location": "http://shop.example/"}), ["plain-stays"]),
        (httpx.Response(301, headers={"location": "https://www.shop.example/"}), ["plain-elsewhere"]),
        (httpx.Response(403, headers={"set-cookie": "a=b"}), ["plain-cookie"]),
    ],
)
def test_answers_by_plain_http_are_judged(answer: httpx.Response, rules: list[str]) -> None:
    """Sent on to the same host by TLS, or refused, is right; served, left there, or sent elsewhere first is not."""
    assert rules == [rule for rule, _ in tls.plain(answer, "shop.example")]


@pytest.mark.parametrize(
    ("sent", "wanted", "rules"),
    [
        ("max-age=63072000; includeSubDomains", False, []),
        ("max-age=63072000; includeSubDomains; preload", True, []),
        ("max-age=63072000; includeSubDomains; preload", False, ["preload-undeclared"]),
        ("max-age=63072000; includeSubDomains", True, ["preload-missing"]),
        ("max-age=63072000; preload", True, ["preload-refused"]),
        ("max-age=86400; includeSubDomains; preload", True, ["preload-refused"]),
        ("", True, ["preload-missing", "preload-refused"]),
        ("", False, []),
    ],
)
def test_preload_is_on_purpose_and_by_the_rules(sent: str, *, wanted: bool, rules: list[str]) -> None:
    """Asked for only where declared; declared, it must be what the list takes."""
    headers = httpx.Headers({"strict-transport-security": sent} if sent else {})

    assert rules == [rule for rule, _ in tls.preload(headers, wanted=wanted)]


def test_doors_of_the_reference_release(tmp_path: Path) -> None:
    """By TLS comes what the service says, by plain http the way there, and both are closed afterwards."""
    behind = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=behind.serve_forever, args=(0.02,), daemon=True).start()
    door = socket.create_server(("127.0.0.1", 0))
    with front.front(f"http://127.0.0.1:{behind.server_port}", tmp_path, door) as doors:
        secure, plain = doors["REFERENCE_TLS_URL"], doors["REFERENCE_PLAIN_URL"]
        context = ssl.create_default_context(cafile=doors["REFERENCE_TLS_AUTHORITY"])
        seen = httpx.get(f"{secure}/a", verify=context).text
        led = [httpx.get(f"{plain}{path}").headers["location"] for path in ("/a", "/away?to=http://b.example/")]
    behind.shutdown()
    behind.server_close()

    assert "behind /a" == seen
    assert [f"{secure}/a", "http://b.example/"] == led
    assert gone(secure)
    assert gone(plain)


class Behind(BaseHTTPRequestHandler):
    """Says what it was asked for."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"behind {self.path}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def gone(url: str) -> bool:
    """Whether nobody listens any more, within a second."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            httpx.get(url, verify=False, timeout=0.2)  # noqa: S501 - whether anybody is there
        except httpx.ConnectError:
            return True
        except httpx.HTTPError:
            time.sleep(0.05)
    return False


def also_old(context: ssl.SSLContext, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
    """Take every version."""
    with warnings.catch_warnings():
        # That they are old is why they are here.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = OLD, newest
    context.set_ciphers("ALL:@SECLEVEL=0")


def only_old(context: ssl.SSLContext) -> None:
    """Take the old versions only."""
    also_old(context, ssl.TLSVersion.TLSv1_1)
