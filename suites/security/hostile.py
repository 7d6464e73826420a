"""Bodies and paths that break what reads them: each a small thing to send, and whether it can be right to take it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import httpx

JSON = "application/json"
DEPTH, BOMB_BYTES, PIECE_BYTES, DIGITS = 50_000, 64 * 1024 * 1024, 1024 * 1024, 5_000
GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
MARKER = "x-release-verification-injected"
EVIL = "evil.example"
CLIMBS = ("../" * 8, "..%2f" * 8, "%2e%2e/" * 8, "%252e%252e%252f" * 8, "..%5c" * 8, "....//" * 8)
OUTSIDE = "root:x:0:"


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One body; `may_be_taken` where some service could rightly take it, as long as it does not break on it."""

    name: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    may_be_taken: bool = False


def bodies(sample: Mapping[str, object], oversized_bytes: int) -> Iterator[Hostile]:
    """Everything that is wrong with a body but for one thing: it is sent where `sample` would be taken."""
    good = json.dumps(sample).encode()
    yield Hostile(name="empty", content=b"")
    yield Hostile(name="cut off", content=good[:-1])
    yield Hostile(name="a list", content=b"[" + good + b"]")
    yield Hostile(name="of wrong types", content=json.dumps({name: {"a": [None]} for name in sample}).encode())
    yield Hostile(name="without a value", content=json.dumps(dict.fromkeys(sample)).encode())
    yield Hostile(name="oversized", content=_large(sample, oversized_bytes))
    # Nothing is wrong with what it says: only a limit of the whole body refuses it.
    yield Hostile(name="oversized by blanks", content=good + b" " * oversized_bytes)
    yield Hostile(name="deeply nested list", content=b"[" * DEPTH)
    yield Hostile(name="deeply nested object", content=b'{"a":' * DEPTH + b"1" + b"}" * DEPTH)
    yield Hostile(name="not UTF-8", content=good.replace(b"{", b'{"\xff\xfe\x80": "\xc3\x28", ', 1))
    yield Hostile(name="of an unknown charset", content=good + b"\xff", headers={"Content-Type": f"{JSON}; charset=no"})
    yield Hostile(name="not a number", content=_raw(sample, b"NaN"))
    yield Hostile(name="an endless number", content=_raw(sample, b"1e999"))
    yield Hostile(name="a number of very many digits", content=_raw(sample, b"9" * DIGITS))
    for name, value in sample.items():
        # One at a time: what is refused for another field hides that this one breaks.
        for text, means in {"a\0b": "NUL", "a\ud800b": "half a surrogate"}.items() if isinstance(value, str) else ():
            content = json.dumps({**sample, name: text}).encode()
            yield Hostile(name=f"with {means} in {name}", content=content, may_be_taken=True)
    yield Hostile(name="of another type", content=b"<a/>", headers={"Content-Type": "application/xml"})
    yield Hostile(name="a form without an end", content=b"--a", headers={"Content-Type": "multipart/form-data"})
    # Not taken apart it is no JSON; taken apart without a limit it fills the memory, and is then right.
    bomb = {"Content-Type": JSON, "Content-Encoding": "gzip"}
    yield Hostile(name="a decompression bomb", content=_bomb(good), headers=bomb)


def path_problem(answer: httpx.Response) -> str | None:
    """What an answer shows that no path may bring out."""
    if OUTSIDE in answer.text:
        return "a file outside of the service is read"
    if MARKER in answer.headers:
        return "a line break in the address becomes a header of the answer: others can be forged"
    if EVIL in answer.headers.get("location", ""):
        return "who opens a link of an attacker is sent on to the attacker's host"
    return None


def trusted_host(answer: httpx.Response) -> str | None:
    """What a made-up Host header ends up in."""
    if EVIL in answer.headers.get("location", "") or f"//{EVIL}" in answer.text:
        return "the answer's links lead to whatever host the request names: a cached or mailed one is the attacker's"
    return None


def _large(sample: Mapping[str, object], size: int) -> bytes:
    """The sample with a field more, or a longer one, that makes it large."""
    name = next((name for name, value in sample.items() if isinstance(value, str)), "text")
    return json.dumps({**sample, name: "x" * size}).encode()


def _raw(sample: Mapping[str, object], literal: bytes) -> bytes:
    """The sample with a literal in place of every value."""
    fields = (json.dumps(name).encode() + b": " + literal for name in sample)
    return b"{" + b", ".join(fields) + b"}"


@cache
def _bomb(good: bytes) -> bytes:
    """One gzip stream: what is good, and blanks, compressed once and repeated; a full flush forgets what was before."""
    deflate, blanks = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), b" " * PIECE_BYTES
    head, piece = (deflate.compress(part) + deflate.flush(zlib.Z_FULL_FLUSH) for part in (good, blanks))
    check, pieces = zlib.crc32(good), BOMB_BYTES // PIECE_BYTES
    for _ in range(pieces):
        check = zlib.crc32(blanks, check)
    length = struct.pack("<II", check, len(good) + BOMB_BYTES)
    return GZIP_HEADER + head + piece * pieces + deflate.flush() + length
