"""`--processes N`: workers of our own on this machine, which end with us, however we end."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import gevent.socket  # type: ignore[import-untyped]

from evidence.errors import InputError
from fixtures.guard import Guard
from load import master
from load.channel import KEY
from load.config import Load
from load.measurement import Measurement
from load.members import check_number, gather

LOOPBACK = "127.0.0.1"
LEFT_WITHIN_S = 10.0


def run(url: str, load: Load, processes: int) -> Measurement:
    """Send the declared load by so many processes of this machine."""
    check_number(load, processes)
    key = secrets.token_hex(32)
    listener = gevent.socket.create_server((LOOPBACK, 0), backlog=processes)
    with listener, Guard() as guard, _workers(processes, listener.getsockname()[1], key, guard) as started:
        return master.run(url, load, gather(listener, processes, key, lambda: _ended(started)))


def serve(url: str, load: Load, workers: int, bind: tuple[str, int], key: str) -> Measurement:
    """Send the declared load by so many workers, which join at this address."""
    check_number(load, workers)
    try:
        listener = gevent.socket.create_server(bind, backlog=workers)
    except OSError as error:
        msg = f"--bind {bind[0]} --port {bind[1]}: nobody can join there: {error.strerror or error}"
        raise InputError(msg) from None
    with listener:
        sys.stderr.write(f"load: waiting for {workers} workers at {bind[0]}:{listener.getsockname()[1]}\n")
        return master.run(url, load, gather(listener, workers, key))


@contextmanager
def _workers(processes: int, port: int, key: str, guard: Guard) -> Iterator[list[subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "load", "--worker", LOOPBACK, "--port", str(port)]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            process = subprocess.Popen(  # noqa: S603 - ourselves
                command, env={**os.environ, KEY: key}, stdin=subprocess.DEVNULL, start_new_session=True
            )
            started.append(process)
            guard.process(process)
        yield started
    finally:
        # The master has closed the connections: each has sent all it had, or has nobody to tell it to.
        for process in started:
            try:
                process.wait(LEFT_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            guard.ended(process)


def _ended(started: list[subprocess.Popen[bytes]]) -> str:
    codes = [process.poll() for process in started]
    return next((f"a generator ended with {code} before it joined" for code in codes if code is not None), "")
