"""A small real HTTP server, in a thread, whose faults are known: what it did is the truth that a run is held to.

`python -m tests.load.server [HOST]` serves in a process of its own, says where, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMITED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"

RESETS = 46
FAST_S, SLOW_S, SLOW_EVERY = 0.02, 0.2, 10
FREEZE_S = (1.0, 1.5)
MEDIAN_MS, P95_MS = 40.0, 90.0
COMMON_MS, RARE_MS, RARE = 20.0, 120.0, 0.06
STALL_EVERY_S, STALL_S, SERVICE_MS = 10.0, 1.0, 10.0
ONE_AT_A_TIME_S = 0.01
"""How often /reset resets before it answers; how long /mixed takes, one in SLOW_EVERY being slow; when /freezing, from
its first request on, answers nobody; what /lognormal draws from; how long /bimodal takes, and how often for long; when
/stalling, amid every so many seconds from its first request on, answers nobody, and how long it takes else; how long
/queued takes for each, one after the other."""


class Server:
    """`with Server() as server`: `server.url`, and `server.seen`, the requests that really arrived, by path.

    `server.kept` has path, head and body of those to /login and below /echo, in their order; `first_s` and `last_s` are
    when each path was asked.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        """Listen; nothing is answered before `with`."""
        self.seen: Counter[str] = Counter()
        self.reused = 0
        self.kept: list[tuple[str, str, str]] = []
        self.first_s: dict[str, float] = {}
        self.last_s: dict[str, float] = {}
        self._chance = random.Random(1)  # noqa: S311 - repeatable on purpose
        self._loop = asyncio.new_event_loop()
        self._free_s = 0.0
        self._listener = socket.create_server((host, 0), backlog=1000)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = f"http://{host}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers: dict[str, Callable[[asyncio.StreamWriter], Awaitable[bytes]]] = {
            "/mixed": self._mixed,
            "/slow": self._slow,
            "/limited": self._limited,
            "/reset": self._reset,
            "/endless": self._endless,
            "/freezing": self._freezing,
            "/lognormal": self._lognormal,
            "/bimodal": self._bimodal,
            "/stalling": self._stalling,
            "/queued": self._queued,
            "/login": self._login,
            "/refused": self._refused,
        }
        served = 0
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                path = head.split(b" ", 2)[1].decode()
                if path.startswith(("/echo", "/login")):
                    self.kept.append((path, head.decode(), body.decode()))
                self.seen[path] += 1
                self.reused += path == "/reset" and served > 0
                self.last_s[path] = time.monotonic()
                self.first_s.setdefault(path, self.last_s[path])
                writer.write(await answers[path](writer) if path in answers else OK)
                served += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _mixed(self, _: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep(FAST_S if self.seen["/mixed"] % SLOW_EVERY else SLOW_S)
        return OK

    async def _slow(self, _: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep(SLOW_S)
        return OK

    async def _limited(self, _: asyncio.StreamWriter) -> bytes:
        return LIMITED

    async def _reset(self, writer: asyncio.StreamWriter) -> bytes:
        if self.seen["/reset"] > RESETS:
            return OK
        # Close with a reset, as a process that is killed with data unread does.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        raise ConnectionResetError

    async def _endless(self, writer: asyncio.StreamWriter) -> bytes:
        writer.write(ENDLESS)
        while True:
            await asyncio.sleep(0.1)
            writer.write(b".")
            await writer.drain()

    async def _freezing(self, _: asyncio.StreamWriter) -> bytes:
        since_s = time.monotonic() - self.first_s["/freezing"]
        begin, end = FREEZE_S
        await asyncio.sleep(end - since_s if begin <= since_s < end else 0.005)
        return OK

    async def _lognormal(self, _: asyncio.StreamWriter) -> bytes:
        sigma = math.log(P95_MS / MEDIAN_MS) / 1.6448536
        await asyncio.sleep(self._chance.lognormvariate(math.log(MEDIAN_MS), sigma) / 1000)
        return OK

    async def _bimodal(self, _: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep((RARE_MS if self._chance.random() < RARE else COMMON_MS) / 1000)
        return OK

    async def _queued(self, _: asyncio.StreamWriter) -> bytes:
        now_s = self._loop.time()
        self._free_s = max(now_s, self._free_s) + ONE_AT_A_TIME_S
        await asyncio.sleep(self._free_s - now_s)
        return OK

    async def _login(self, _: asyncio.StreamWriter) -> bytes:
        number = self.seen["/login"]
        body = b'{"token": "t-%d"}' % number
        head = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=s-%d; Path=/\r\nContent-Length: %d\r\n\r\n"
        return head % (number, len(body)) + body

    async def _refused(self, _: asyncio.StreamWriter) -> bytes:
        return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

    async def _stalling(self, _: asyncio.StreamWriter) -> bytes:
        phase_s = (time.monotonic() - self.first_s["/stalling"] - STALL_EVERY_S / 2) % STALL_EVERY_S
        await asyncio.sleep(max(0.0, STALL_S - phase_s) + SERVICE_MS / 1000)
        return OK


if __name__ == "__main__":
    with Server(*sys.argv[1:]) as serving:
        sys.stdout.write(f"{serving.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
