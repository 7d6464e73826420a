"""No secret leaves in what a browser recorded, in none of the forms in which a browser writes it down."""

from __future__ import annotations

import base64
import html
import io
import json
import zipfile
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Browser, Page, Route

from suites.smoke.redaction import LEFT_OUT, forms, redacted, redacted_trace

SECRET = 'hunter2 & "söhne"/+'
SESSION = "c2Vzc2lvbg-5d41402abc4b2a76"
FORM = "<!doctype html><title>Shop</title><form><input name=password type=password><input name=q></form><p id=told>"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE_SECRETS", "PART,KEY,NOT_SET")
    monkeypatch.setenv("KEY", SECRET)
    monkeypatch.setenv("PART", "hunter2")


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        f"/?q={quote_plus(SECRET)}",
        json.dumps(json.dumps({"key": SECRET})),
        html.escape(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"eve:{SECRET}".encode()).decode(),
        base64.b64encode(f"eve1:{SECRET}:x".encode()).decode(),
        base64.urlsafe_b64encode(f"adam1:{SECRET}".encode()).decode(),
    ],
)
def test_forms(text: str) -> None:
    """Each form is replaced by the variable's name; of base64, what the secret does not share with its neighbours."""
    assert "<KEY>" in redacted(text)
    assert not [form for form in forms(SECRET) if form in redacted(text)]


def test_the_longer_secret_goes_first() -> None:
    """A secret that holds another one is replaced as a whole."""
    assert "<KEY> <PART>" == redacted(f"{SECRET} hunter2")


def test_a_text_without_secrets_stays() -> None:
    """Nothing else is touched."""
    assert "hunted <b>" == redacted("hunted <b>")


@pytest.fixture
def trace(chromium: Browser, tmp_path: Path) -> bytes:
    """A trace of a page that is signed in to: secrets typed, sent in each part of a request, logged, shown, kept."""

    def answer(route: Route) -> None:
        headers = {"Content-Type": "text/html", "Set-Cookie": f"session={SESSION}", "X-Told": "plain"}
        route.fulfill(body=FORM, headers=headers)

    with chromium.new_context(http_credentials={"username": "eve", "password": SECRET}) as context:
        context.route("**", answer)
        context.tracing.start(screenshots=True, snapshots=True)
        _use(context.new_page())
        context.tracing.stop(path=tmp_path / "trace.zip")
    return (tmp_path / "trace.zip").read_bytes()


def _use(page: Page) -> None:
    page.goto("http://shop.test/")
    page.locator("[name=password]").fill(SECRET)
    page.locator("[name=q]").fill(SECRET)
    page.evaluate(
        """async secret => {
            document.getElementById("told").textContent = secret;
            console.log("signed in with", secret);
            const headers = { Authorization: "Basic " + btoa("eve:hunter2") };
            await fetch("/in?key=" + encodeURIComponent(secret), { method: "POST", body: "key=" + secret, headers });
            await fetch("/json", { method: "POST", body: JSON.stringify({ key: secret }) });
            location.hash = secret;
        }""",
        SECRET,
    )
    page.screenshot()


def test_a_trace_is_redacted(trace: bytes) -> None:
    """A trace is full of secrets; its copy holds none, no credentials and no picture, and is still a trace."""
    before, after = _entries(trace), _entries(redacted_trace(trace))

    assert {"hunter2", SESSION} == {
        text for text in ("hunter2", SESSION) if any(text.encode() in b for b in before.values())
    }
    assert any(name.endswith(".jpeg") for name in before)
    for secret in (SECRET, "hunter2"):
        assert [] == [(name, form) for name, data in after.items() for form in forms(secret) if form.encode() in data]
    assert not any(SESSION.encode() in data for data in after.values())
    assert LEFT_OUT.encode() in after["trace.network"]
    assert b"<KEY>" in after["trace.trace"]
    assert set() == {name for name in before if name.endswith((".trace", ".network", ".stacks"))} - set(after)
    assert all(isinstance(json.loads(line), dict) for line in after["trace.trace"].splitlines())


def test_what_cannot_be_read_is_left_out() -> None:
    """An entry in which no secret can be looked for is not copied, whatever its name says."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in {
            "a.txt": b"hunter2",
            "b.txt": b"\xff\xfehunter2",
            "c.txt": b"\0hunter2",
            "d.trace": b"no json",
        }.items():
            archive.writestr(name, data)

    assert {"a.txt": b"<PART>", "d.trace": b"no json"} == _entries(redacted_trace(made.getvalue()))


def _entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
