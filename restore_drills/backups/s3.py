"""A store in S3, or in whatever speaks its protocol: `s3://BUCKET/PREFIX`, the rest from AWS_* variables."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from restore_drills.backups.store import Entry, Missing, Protection, StoreError

PART = 16 << 20
PARTS_AT_ONCE = 4
"""What an upload holds in memory, whatever the size of the object."""
RETRIES = 5
PARTS = 10_000
"""S3 takes no more of one object."""

ASKED_WITHIN = dt.timedelta(seconds=30)
SEALED = "x-amz-server-side-encryption"
LOCKED = ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date")


class S3:
    """Objects in a bucket. An object is visible when all of it is there: that is S3's own promise."""

    def __init__(self, address: str) -> None:
        """Take `s3://BUCKET/PREFIX`; nothing is asked of it yet."""
        parts = urlsplit(address)
        self._name, self._prefix = address.rstrip("/"), parts.path.strip("/")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        self._store = S3Store(
            parts.netloc,
            prefix=self._prefix or None,
            # Each part is held against its checksum by the store that receives it.
            config={"checksum_algorithm": "SHA256"},
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": dt.timedelta(minutes=10)},
            retry_config={"max_retries": RETRIES, "retry_timeout": dt.timedelta(minutes=2)},
        )

    @property
    def name(self) -> str:
        """Its address."""
        return self._name

    def put(self, key: str, path: Path) -> None:
        """Upload a file, in parts where it is large; then it is not needed here any more."""
        size = path.stat().st_size
        with self._explained(key):
            obstore.put(self._store, key, path, chunk_size=max(PART, size // PARTS + 1), max_concurrency=PARTS_AT_ONCE)
            if (there := int(obstore.head(self._store, key)["size"])) != size:
                msg = f"{self.name}: {key}: {size} bytes were put there, and the store has {there}; run again"
                raise StoreError(msg)
        path.unlink()

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Read an object in parts, as it is needed."""
        with self._explained(key):
            pieces = iter(obstore.get(self._store, key).stream(min_chunk_size=1 << 20))
        with io.BufferedReader(Pieces(pieces, lambda: self._explained(key)), 1 << 20) as reader:
            yield reader

    def list(self, prefix: str) -> Iterator[Entry]:
        """List objects; the store names them in pages."""
        with self._explained(prefix):
            folder, _, begin = prefix.rpartition("/")
            for page in obstore.list(self._store, folder or None):
                for one in page:
                    if one["path"].startswith(prefix) or not begin:
                        yield Entry(str(one["path"]), int(one["size"]))

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._explained(key), contextlib.suppress(NotFoundError, FileNotFoundError):
            obstore.delete(self._store, key)

    def written(self, key: str) -> dt.datetime:
        """Ask for the object's own date."""
        with self._explained(key):
            return obstore.head(self._store, key)["last_modified"]

    def now(self) -> dt.datetime:
        """Ask a new object, which is removed again."""
        key = f"clock/{secrets.token_hex(8)}"
        with self._explained(key):
            obstore.put(self._store, key, b"")
            try:
                return self.written(key)
            finally:
                self.delete(key)

    def protection(self, key: str) -> Protection:
        """Ask for the object's own headers, which the library does not give: it signs, and we ask."""
        with self._explained(key):
            address = obstore.sign(self._store, "HEAD", key, ASKED_WITHIN)
        asking = urllib.request.Request(address, method="HEAD")  # noqa: S310 - the store's own address
        try:
            with urllib.request.urlopen(asking, timeout=ASKED_WITHIN.total_seconds()) as answer:  # noqa: S310
                told = answer.headers
        except OSError as error:
            return Protection(*[f"could not be asked ({error})"] * 2)
        lock = " until ".join(told[name] for name in LOCKED if told[name])
        return Protection(**({"encryption": told[SEALED]} if told[SEALED] else {}), **({"lock": lock} if lock else {}))

    def sweep(self, grace: dt.timedelta) -> None:
        """Leave parts of cut uploads to the bucket's own rule for them: they are no objects, and not ours to list."""

    @contextlib.contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except (NotFoundError, FileNotFoundError):
            msg = f"{self.name}: {key} is missing"
            raise Missing(msg) from None
        except BaseError as error:
            why = " ".join(str(error).split())[:300]
            msg = f"{self.name}: {key}: {why}; look at AWS_ENDPOINT_URL, AWS_REGION and the credentials, then run again"
            raise StoreError(msg) from None


class Pieces(io.RawIOBase):
    """A stream of what arrives in pieces."""

    def __init__(
        self, pieces: Iterator[bytes], explained: Callable[[], contextlib.AbstractContextManager[None]]
    ) -> None:
        """Take the pieces, and how to explain what goes wrong on the way."""
        self._pieces, self._explained, self._rest = pieces, explained, memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give what has arrived."""
        while not self._rest:
            with self._explained():
                piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(bytes(piece))
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
