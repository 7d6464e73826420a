"""Take secrets out of what a browser recorded, in every form in which it writes them down."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from checks.stage import redact

CREDENTIALS = ("authorization", "cookie", "set-cookie", "proxy-authorization")
LEFT_OUT = "<left out>"
LEFT_ALONE = ("", "!'()*", "!#$%&'()*+,/:;=?@[\\]^{|}")
"""What addresses leave as it is: everywhere nothing, `encodeURIComponent` some, a fragment nearly all."""
URL_SAFE = str.maketrans("+/", "-_")
SHORTEST_BASE64 = 8
"""Shorter ones may stand in any text by chance."""
LINES = (".trace", ".network", ".stacks")
"""The entries of a trace that are JSON, one a line."""


def secrets(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what RELEASE_SECRETS names and the environment holds, the longest value first: one can hold another."""
    names = filter(None, environment.get("RELEASE_SECRETS", "").split(","))
    found = {name: environment[name] for name in names if environment.get(name)}
    return dict(sorted(found.items(), key=lambda item: len(item[1]), reverse=True))


def forms(value: str) -> Iterator[str]:
    """Yield how a browser writes a value down: as it is, in an address, in HTML, in JSON (twice over), in base64."""
    plain = {value, html.escape(value), quote_plus(value), *(quote(value, safe=safe) for safe in LEFT_ALONE)}
    for _ in range(2):
        plain |= {json.dumps(text, ensure_ascii=ascii_)[1:-1] for text in plain for ascii_ in (True, False)}
    yield from sorted(plain, key=len, reverse=True)
    data = value.encode()
    for offset in range(3):
        # Base64 goes by three bytes: what the secret shares with its neighbours at either end is not its own.
        text = base64.b64encode(b"\0" * offset + data).decode()
        own = text[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        if len(own) >= SHORTEST_BASE64:
            yield own
            yield own.translate(URL_SAFE)


def redacted(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Replace every form of every secret by the secret's name."""
    for name, value in secrets(environment).items():
        for form in forms(value):
            text = text.replace(form, f"<{name}>")
    return redact(text, environment)


def redacted_trace(data: bytes, environment: Mapping[str, str] = os.environ) -> bytes:
    """Copy a trace without secrets: texts are redacted, credentials in headers and pictures are left out."""
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (text := _text(old.read(name))) is None:
                continue
            if name.endswith(LINES):
                text = "\n".join(_without_credentials(line) for line in text.splitlines())
            new.writestr(redacted(name, environment), redacted(text, environment))
    return copy.getvalue()


def _text(data: bytes) -> str | None:
    """Decode an entry; None where it is no text: no secret can be looked for in a picture."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _without_credentials(line: str) -> str:
    try:
        return json.dumps(_walk(json.loads(line)), ensure_ascii=False)
    except ValueError:
        return line


def _walk(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_walk(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if str(value.get("name", "")).lower() in CREDENTIALS and "value" in value:
        return {**value, "value": LEFT_OUT}
    return {key: LEFT_OUT if key.lower() in CREDENTIALS else _walk(inner) for key, inner in value.items()} | (
        {"cookies": []} if "cookies" in value else {}
    )
