"""A schema as pg_dump writes it, object by object, and an empty database beside the release's to try things in."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import conninfo, sql

from evidence.errors import CannotTell
from fixtures.deparsed import as_restored
from fixtures.postgres import binaries
from suites.statements import address, connect
from suites.touched import TOUCHED

HEADER = re.compile(r"^-- (?:Data for )?Name: (.*); Type: (.*); Schema: (.*); Owner:.*$", re.MULTILINE)
NOISE = ("--", "\\restrict", "\\unrestrict")
COPIED_WITHIN_S = 60
Objects = dict[str, str]
"""`TABLE public.items` to the statements that make it."""
Difference = tuple[str, str]


@contextmanager
def scratch() -> Iterator[str]:
    """An empty database of our own on the release's server, gone afterwards."""
    name = f"release_verification_{secrets.token_hex(6)}"
    with connect(address()) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield conninfo.make_conninfo(address(), dbname=name)
    finally:
        with connect(address()) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def read(url: str) -> Objects:
    """The schema of a database."""
    return objects(_run("pg_dump", url, "--schema-only", "--no-owner").decode())


def copy(source: str, target: str) -> None:
    """Copy everything of a database, with its volume, into an empty one."""
    dump = _run("pg_dump", source, "--format=custom", "--compress=0")
    _run("pg_restore", target, "--exit-on-error", given=dump)


def objects(dump: str) -> Objects:
    """Split a dump into the objects that it makes, without what differs between two dumps of one database."""
    found: Objects = {}
    parts = HEADER.split(dump)
    for name, kind, schema, text in zip(parts[1::4], parts[2::4], parts[3::4], parts[4::4], strict=True):
        lines = [as_restored(line) for line in text.splitlines() if line.strip() and not line.startswith(NOISE)]
        label = f"{kind} {name}" if schema == "-" else f"{kind} {schema}.{name}"
        found[label] = "\n".join(filter(None, [found.get(label), *lines]))
    return found


def differences(expected: Objects, actual: Objects) -> list[Difference]:
    """Tell which objects are missing, too many, or made otherwise."""
    found = []
    for label in sorted(expected.keys() | actual.keys()):
        if label not in actual:
            found.append((label, "it is missing"))
        elif label not in expected:
            found.append((label, "it should not be there"))
        elif expected[label] != actual[label]:
            found.append((label, f"it is {_first_other_line(expected[label], actual[label])}"))
    return found


def _first_other_line(expected: str, actual: str) -> str:
    wanted, there = expected.splitlines(), actual.splitlines()
    more = [line.strip() for line in there if line not in wanted]
    less = [line.strip() for line in wanted if line not in there]
    return f"{more[0] if more else 'in another order'!r}, not {less[0] if less else 'without it'!r}"


def _run(program: str, url: str, *options: str, given: bytes | None = None) -> bytes:
    parameters = conninfo.conninfo_to_dict(url)
    environment = {**os.environ, "PGPASSWORD": str(parameters.pop("password", ""))}
    TOUCHED.ran(program)
    command = [str(binaries() / program), *options, "--dbname", conninfo.make_conninfo("", **parameters)]
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        command, env=environment, input=given, capture_output=True, timeout=COPIED_WITHIN_S, check=False
    )
    if done.returncode:
        msg = f"{program}: {done.stderr.decode(errors='replace')[-500:]}"
        raise CannotTell(msg)
    return done.stdout
