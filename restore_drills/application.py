"""The release's own application, started on a restored copy, and asked."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
from psycopg import conninfo

from evidence.variables import resolve
from fixtures.guard import Guard
from fixtures.postgres import free_port

ANSWERS_WITHIN_S = 20.0
TIMEOUT_S = 10.0
PATIENCE = 3


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as `[api]` declares it."""

    path: str
    method: str = "GET"
    json: Any = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    expect: int = 200


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is made, read and removed."""

    name: str
    id_field: str
    create: Request
    read: Request
    delete: Request | None = None


class Application(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.application]`: how the application is started on a copy of its database.

    `database_env` are the variables that hold the database's address: each gets the copy's host and port. In `env`,
    `{port}` is a port to listen on, and `{folder}` a folder that is gone afterwards. `writes` is an object that can be
    made any number of times: it is made all the while that something happens to the database.
    """

    start: tuple[str, ...]
    database_env: tuple[str, ...]
    health: str
    env: dict[str, str] = msgspec.field(default_factory=dict)
    writes: Resource | None = None


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[api]`."""

    examples: tuple[Request, ...] = ()
    resources: tuple[Resource, ...] = ()


@contextlib.contextmanager
def started(application: Application, root: Path, *copies: str, database: str = "") -> Iterator[str]:
    """Run it on the copy and give its URL; AssertionError where it does not answer there.

    Of several servers it is told all, and to use the one that takes writes, as libpq understands it.
    """
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="release-verification-app-", ignore_cleanup_errors=True) as folder,
        Guard() as guard,
        Path(folder, "log").open("w+b") as log,
    ):
        guard.directory(Path(folder))
        addresses = {name: moved(os.environ[name], copies, database) for name in application.database_env}
        own = {
            name: value.replace("{port}", str(port)).replace("{folder}", folder)
            for name, value in application.env.items()
        }
        process = subprocess.Popen(  # noqa: S603 - the release's own command
            application.start, cwd=root, env={**os.environ, **addresses, **own}, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
        guard.process(process)
        try:
            _wait(process, url := f"http://127.0.0.1:{port}", application.health, Path(folder, "log"))
            yield url
        finally:
            process.terminate()
            try:
                process.wait(ANSWERS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ask(url: str, request: Request, values: Mapping[str, str]) -> tuple[int, Any]:
    """Send a request; give status and decoded answer. It comes back when it is told to."""
    body = None if request.json is None else json.dumps(resolve(request.json)).encode()
    headers = {**resolve(request.headers), **({"Content-Type": "application/json"} if body else {})}
    path = resolve(request.path)
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    for _ in range(PATIENCE):
        asked = urllib.request.Request(f"{url}{path}", body, headers, method=request.method)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != 429 or not (wait := error.headers.get("Retry-After", "")).isdigit():
                return error.code, None
            time.sleep(int(wait))
    return 429, None


def moved(address: str, copies: Sequence[str], database: str = "") -> str:
    """Give the address the copies' hosts and ports: user, password and database stay, if no other is given."""
    parts, to = urlsplit(address), [conninfo.conninfo_to_dict(copy) for copy in copies]
    credentials, at, _ = parts.netloc.rpartition("@")
    hosts = ",".join(f"{one['host']}:{one['port']}" for one in to)
    wanted = "target_session_attrs=read-write" if len(to) > 1 else ""
    query = "&".join(part for part in (parts.query, wanted) if part)
    path = f"/{quote(database)}" if database else parts.path
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}{hosts}", path=path, query=query))


def _wait(process: subprocess.Popen[bytes], url: str, health: str, log: Path) -> None:
    deadline, seen = time.monotonic() + ANSWERS_WITHIN_S, "no answer"
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}{health}", timeout=TIMEOUT_S):  # noqa: S310 - loopback
                return
        except urllib.error.HTTPError as error:
            seen = f"{health} answers {error.code}"
        except (TimeoutError, OSError):
            pass
        time.sleep(0.05)
    said = log.read_text(errors="replace")[-600:]
    msg = f"the application does not serve from the restored copy: {seen}; its last words: {said}"
    raise AssertionError(msg)


def _decoded(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None
