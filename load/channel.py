"""What master and workers say to each other: MessagePack, each message after its length, on one connection a worker.

Both prove that they know one key before anything else is said, and that they run the same code. Nothing is encrypted.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import socket
import struct
import threading
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from load.config import Load
from load.measurement import Vitals
from load.recorder import Row

KEY: Final = "RELEASE_LOAD_KEY"
PORT = 5557
"""The variable that both sides know the key by; and Locust's own port, so that its operator's service leads here."""
LENGTH: Final = struct.Struct("!I")
MOST_BYTES = 64 * 2**20
"""A longer message is none of ours: the plan of the most arrivals has a tenth of that."""
NONCE_BYTES = 32
PROVEN_WITHIN_S = 5.0


class Lost(Exception):
    """The other side is gone, or is not what it should be."""


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Anything that is said."""


class Begin(Message, frozen=True):
    """Master: send this part of the plan to the target; its arrays are as `array.tobytes` gives them."""

    url: str
    load: Load
    at_s: bytes
    kinds: bytes
    first: int
    looks_s: tuple[float, ...]
    closings_s: tuple[float, ...]
    number: int
    of: int


class Ping(Message, frozen=True):
    """Master: what does your clock say?"""


class Pong(Message, frozen=True):
    """Worker: this is my clock."""

    clock_s: float


class Ready(Message, frozen=True):
    """Worker: all my users wait."""


class Start(Message, frozen=True):
    """Master: the run begins when your clock says this."""

    clock_s: float


class Report(Message, frozen=True):
    """Worker: what is over since the last report, and how I was.

    `arrivals` are when those that no plan has were asked since then, and of what kind, in the order of their numbers.
    """

    rows: tuple[Row, ...]
    vitals: Vitals
    arrivals: tuple[tuple[float, int], ...] = ()


class Asked(Message, frozen=True):
    """Worker: a time to look has come; is warm-up over, or may the window close?"""

    at_s: float


class Answered(Message, frozen=True):
    """Master: it is, or it is not."""

    yes: bool


class Done(Message, frozen=True):
    """Worker: nothing is in flight any more, or has had its time."""


Said = Begin | Ping | Pong | Ready | Start | Report | Asked | Answered | Done


class Channel:
    """One connection; `Lost` where it ends, or where the other side says what nobody of ours says."""

    def __init__(self, connection: socket.socket) -> None:
        """Take a connection over."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection, self._writing = connection, threading.Lock()
        self._encoder, self._decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Said)

    @property
    def peer(self) -> str:
        """The address of the other side."""
        try:
            return str(self._connection.getpeername()[0])
        except OSError:
            return "nobody any more"

    def prove(self, key: str, *, master: bool) -> None:
        """Have the other side prove that it knows the key and runs our code, and prove it to them."""
        self._connection.settimeout(PROVEN_WITHIN_S)
        mine, theirs = secrets.token_bytes(NONCE_BYTES), b""
        self._write(mine)
        theirs = self._read(NONCE_BYTES)
        # Each signs the other's number and its own part: what one said proves nothing for the other.
        self._write(_proof(key, theirs, master=master))
        if not hmac.compare_digest(self._read(NONCE_BYTES), _proof(key, mine, master=not master)):
            msg = f"{self.peer} has another {KEY}, or another commit of this suite: both must be the same"
            raise Lost(msg)
        self._connection.settimeout(None)

    def send(self, message: Said) -> None:
        """Say something."""
        text = self._encoder.encode(message)
        self._write(LENGTH.pack(len(text)) + text)

    def receive(self) -> Said:
        """Wait for what the other side says."""
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        if length > MOST_BYTES:
            msg = f"{self.peer} sent a message of {length} bytes"
            raise Lost(msg)
        try:
            said: Said = self._decoder.decode(self._read(length))
        except msgspec.DecodeError as error:
            msg = f"{self.peer} sent what is no message: {error}"
            raise Lost(msg) from None
        return said

    def close(self) -> None:
        """End it; what waits on the other side is told so by its kernel."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _write(self, content: bytes) -> None:
        try:
            with self._writing:  # several greenlets speak, and a long message goes out in parts
                self._connection.sendall(content)
        except OSError as error:
            raise Lost(error.strerror or str(error)) from None

    def _read(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            try:
                part = self._connection.recv(length - len(content))
            except OSError as error:
                raise Lost(error.strerror or str(error)) from None
            if not part:
                msg = "the connection was closed"
                raise Lost(msg)
            content += part
        return bytes(content)


def _proof(key: str, nonce: bytes, *, master: bool) -> bytes:
    part = b"master" if master else b"worker"
    return hmac.digest(key.encode(), b"\0".join((part, code().encode(), nonce)), "sha256")


@cache
def code() -> str:
    """Return the digest of this package's source: a worker of another commit would measure something else."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
