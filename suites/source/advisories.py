"""An offline snapshot of advisories (OSV records, one JSON object a line, gzipped or not), served as OSV's own API.

pip-audit asks it by its `--osv-url` option. Only what pip-audit needs of the API is here: POST /v1/query for one
package at one version (https://google.github.io/osv.dev/post-v1-query/).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from evidence.errors import InputError


class Package(msgspec.Struct, frozen=True):
    """Whom an advisory is about."""

    name: str
    ecosystem: str


class Range(msgspec.Struct, frozen=True):
    """Events in order: `introduced`, `fixed` or `last_affected`, each with a version."""

    type: str
    events: tuple[dict[str, str], ...] = ()


class Affected(msgspec.Struct, frozen=True):
    """The versions of one package that an advisory is about."""

    package: Package
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()


class Advisory(msgspec.Struct, frozen=True):
    """What the snapshot's matching needs of an OSV record; the answer is the record as it came."""

    id: str
    modified: dt.datetime
    affected: tuple[Affected, ...] = ()


class Snapshot:
    """Advisories by package."""

    def __init__(self, path: Path) -> None:
        """Read the file; InputError names the line that is not an OSV record."""
        self.as_of = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._of: dict[str, list[tuple[Advisory, msgspec.Raw]]] = {}
        number = 0
        try:
            content = path.read_bytes()
            lines = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).splitlines()
            for number, line in enumerate(lines, start=1):  # noqa: B007 - named where a line is refused
                self._add(msgspec.json.decode(line, type=Advisory), msgspec.Raw(line))
        except (OSError, EOFError, msgspec.ValidationError, msgspec.DecodeError) as error:
            msg = f"{path}:{number}: is not a snapshot of advisories: {error}"
            raise InputError(msg) from None
        if not self._of:
            msg = f"{path}: holds no advisory: nothing could ever match"
            raise InputError(msg)

    def _add(self, advisory: Advisory, raw: msgspec.Raw) -> None:
        self.as_of = max(self.as_of, advisory.modified)
        for name in {canonicalize_name(affected.package.name) for affected in advisory.affected}:
            self._of.setdefault(name, []).append((advisory, raw))

    def matching(self, name: str, version: str) -> list[msgspec.Raw]:
        """Find the records that are about this version of this PyPI package."""
        name = canonicalize_name(name)
        return [
            raw
            for advisory, raw in self._of.get(name, [])
            if any(
                "PyPI" == affected.package.ecosystem
                and canonicalize_name(affected.package.name) == name
                and affects(affected, version)
                for affected in advisory.affected
            )
        ]


def affects(affected: Affected, version: str) -> bool:
    """Tell whether the version is listed, or lies in a range (OSV schema 1, 'Evaluation')."""
    if version in affected.versions:
        return True
    try:
        return any(_inside(span, Version(version)) for span in affected.ranges if span.type == "ECOSYSTEM")
    except InvalidVersion:
        return True  # what cannot be compared is not thereby safe


def _inside(span: Range, version: Version) -> bool:
    inside = False
    for event in span.events:
        ((kind, text),) = event.items()
        if kind == "introduced" and (text == "0" or version >= Version(text)):
            inside = True
        elif (kind == "fixed" and version >= Version(text)) or (kind == "last_affected" and version > Version(text)):
            inside = False
    return inside


class Query(msgspec.Struct, frozen=True):
    """The body of POST /v1/query."""

    package: Package
    version: str


@contextlib.contextmanager
def served(snapshot: Snapshot) -> Iterator[str]:
    """Serve the snapshot on loopback; yield the address of its query."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])), type=Query)
            found = snapshot.matching(query.package.name, query.version)
            body = msgspec.json.encode({"vulns": found} if found else {})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
