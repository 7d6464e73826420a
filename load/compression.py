"""What the answers of a load weigh on the line: to a client that accepts gzip, and to one that does not."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from evidence.errors import CannotTell

if TYPE_CHECKING:
    from load.config import Load, Request
    from load.visitor import Answer

GZIP, PLAIN = "gzip", "identity"
MOST_BYTES = 64 * 2**20
"""What unpacks to more is given up."""


class Compression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[load.compression]`: answers of `at_least_bytes` are compressed for who accepts gzip.

    `not_compressed` has the names of requests whose answers need not be, each with the reason.
    """

    at_least_bytes: Annotated[int, msgspec.Meta(ge=1, le=MOST_BYTES)] = 1024
    not_compressed: dict[str, str] = msgspec.field(default_factory=dict)


class Body(NamedTuple):
    """What came: as it was transferred, and what it is unpacked; `vary` are the headers that it says it depends on."""

    encoding: str
    vary: frozenset[str]
    transferred_bytes: int
    decoded_bytes: int
    broken: str = ""
    """Why it cannot be unpacked, where it says that it is gzip."""


class Pair(NamedTuple):
    """The answers to one request, for a client that accepts gzip, and for one that accepts nothing."""

    name: str
    packed: Body
    plain: Body

    @property
    def decoded_bytes(self) -> int:
        """How much it is to read; two answers need not be the same."""
        return max(self.packed.decoded_bytes, self.plain.decoded_bytes)

    @property
    def transferred_ratio(self) -> float:
        """How much of it goes over the line."""
        return self.packed.transferred_bytes / max(1, self.packed.decoded_bytes)


@dataclass(frozen=True)
class Weighed:
    """What each request of the load weighs, or why none is known."""

    pairs: tuple[Pair, ...] = ()
    problem: str = ""


NOT_WEIGHED = Weighed(problem="the load did not end, so that no answer was weighed")


def weigh(load: Load, ask: Callable[[Request, str], Answer]) -> Weighed:
    """Ask for each request of the load both ways; a problem where one of them is not answered as declared."""
    try:
        return Weighed(
            tuple(Pair(each.name, _body(each, ask, GZIP), _body(each, ask, PLAIN)) for each in load.requests)
        )
    except CannotTell as error:
        return Weighed(problem=str(error))


def wrong(pair: Pair, at_least_bytes: int) -> list[str]:
    """Say what no client, or no cache, can cope with; whether it is small enough is not said here."""
    said = [one.broken for one in (pair.packed, pair.plain) if one.broken]
    if pair.plain.encoding not in {"", PLAIN}:
        said.append(f"{pair.plain.encoding} was not accepted, and came all the same")
    if pair.packed.encoding not in {"", PLAIN, GZIP}:
        said.append(f"only gzip was accepted, and {pair.packed.encoding} came")
    if pair.packed.encoding == pair.plain.encoding or pair.decoded_bytes < at_least_bytes:
        return said
    for one, accepts in ((pair.packed, GZIP), (pair.plain, "nothing")):
        if not one.vary & {"accept-encoding", "*"}:
            said.append(f"to who accepts {accepts} it does not say that it depends on that (Vary: Accept-Encoding)")
    return said


def _body(request: Request, ask: Callable[[Request, str], Answer], accepted: str) -> Body:
    answer = ask(request, accepted)
    if answer.status != request.expect:
        msg = f"{request.name}: {answer.status} instead of {request.expect}, asked once more with {accepted}"
        raise CannotTell(msg)
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    vary = frozenset(name.strip().lower() for name in answer.headers.get("vary", "").split(","))
    size, broken = (unpacked(request.name, answer.body)) if encoding == GZIP else (len(answer.body), "")
    return Body(encoding, vary, len(answer.body), size, broken)


def unpacked(name: str, packed: bytes) -> tuple[int, str]:
    """Return how long a body is unpacked, or why it cannot be; CannotTell where it becomes too long."""
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        size = len(unpacking.decompress(packed, MOST_BYTES))
    except zlib.error as error:
        return 0, f"it says that it is gzip, and cannot be unpacked: {error}"
    if unpacking.unconsumed_tail:
        msg = f"{name}: unpacks to more than {MOST_BYTES} bytes"
        raise CannotTell(msg)
    return size, "" if unpacking.eof else "it says that it is gzip, and is cut short"
