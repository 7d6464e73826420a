"""Locust's users: those who wait for an arrival, and those who ask by themselves."""

from __future__ import annotations

import errno
import itertools
import random
from typing import Any
from urllib.parse import urlencode

import gevent  # type: ignore[import-untyped]
import gevent.event  # type: ignore[import-untyped]
import gevent.lock  # type: ignore[import-untyped]
from locust import FastHttpUser, between, constant, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import Runner

from load import values
from load.client import connections
from load.config import AGENT, Load, Request
from load.generator import Watch
from load.recorder import Answer, Recorder

SIGNING_IN_AT_ONCE = 10
READY_WITHIN_S = 120.0
LOOK_EVERY_S = 0.02
SPREAD_S = 1.0
"""How many users sign in side by side, and within what time all have; between looks whether they have, or whether all
is answered; over what time, at the least, users who ask by themselves start: they are not to be in step."""


LACKING = {
    "EMFILE": "this process may open no more connections; raise its limit (ulimit -n), or lower the users at work",
    "ENFILE": "this machine may open no more files",
    "EADDRNOTAVAIL": "this machine has no free port left to connect from",
    "ENOBUFS": "this machine has no room left for what is sent",
    "ENOMEM": "this machine has no memory left",
}
"""What a socket of ours may lack, and what to do about it."""


class Unready(Exception):
    """A user could not sign in."""


class Crowd:
    """All users of a run: they share connections, a recorder, and the word to stop."""

    def __init__(self, url: str, load: Load, recorder: Recorder, numbers: Any) -> None:  # noqa: ANN401 - gevent is untyped
        """`numbers` is the queue that arrivals come by."""
        self.url, self.load, self.recorder, self.numbers = url, load, recorder, numbers
        self.stopped = False
        self._count = itertools.count()
        self._ready, self._refused = 0, ""
        self._watch = Watch()
        self.pool = connections(url, load)
        self._begun = gevent.event.Event()
        self._doors = gevent.lock.BoundedSemaphore(SIGNING_IN_AT_ONCE)

    def prepare(self, watch: Watch) -> Runner:
        """Have them all come, sign in, and wait."""
        kind = _arriving(self) if self.load.model == "open" else _asking(self)
        runner = self.runner(Environment(user_classes=[kind]), watch)
        runner.spawn_users({kind.__name__: self.load.in_flight})
        return runner

    def begin(self, runner: Runner) -> None:  # noqa: ARG002 - as Team needs
        """Let them ask: the clock has started."""
        self._begun.set()

    def drain(self, runner: Runner, watch: Watch, within_s: float) -> None:  # noqa: ARG002 - as Team needs
        """Wait for what is in flight, as long as a request may take; what is left is unanswered."""
        until_s = self.recorder.now_s() + within_s
        while self.recorder.in_flight and self.recorder.now_s() < until_s:
            gevent.sleep(LOOK_EVERY_S)

    def end(self, runner: Runner) -> None:
        """Let them go, and their connections: evidence must be written, and what comes after us may need as many."""
        runner.quit()
        self.pool.close()

    def runner(self, environment: Environment, watch: Watch) -> Runner:
        """Return what runs them; what goes wrong in them is an accident of ours."""
        self._watch = watch
        # The type only: the text may quote the request and its secrets.
        environment.events.user_error.add_listener(  # type: ignore[no-untyped-call]
            lambda exception, **_: watch.accidents.append(f"an error of its own, {type(exception).__name__}")
        )
        return environment.create_local_runner()

    def wait(self) -> None:
        """Wait until all have signed in; Unready where one could not."""
        late = Unready(f"{self.load.in_flight} users did not sign in within {READY_WITHIN_S:.0f} s")
        with gevent.Timeout(READY_WITHIN_S, late):
            while self.load.login and self._ready < self.load.in_flight and not self._refused:
                gevent.sleep(LOOK_EVERY_S)
        if self._refused:
            raise Unready(self._refused)

    def wait_for_begin(self) -> None:
        """Wait until the clock has started."""
        self._begun.wait()

    def enter(self, user: FastHttpUser) -> tuple[int, dict[str, str]]:
        """Make a user ready: its number, and what its login answered."""
        number = self.recorder.plan.whole(next(self._count))
        agent: Any = user.client.client
        # Statuses and redirects are the recorder's business.
        agent.valid_response_codes, agent.redirect_response_codes = frozenset(range(100, 600)), frozenset()
        session: dict[str, str] = {}
        if self.load.login:
            try:
                with self._doors:
                    session = self._sign_in(user, number)
            except Unready as error:
                self._refused = self._refused or f"user {number + 1} could not sign in: {error}"
            self._ready += 1
        return number, session

    def _sign_in(self, user: FastHttpUser, number: int) -> dict[str, str]:
        login = self.load.login
        assert login
        known = {values.NUMBER: str(number), **(login.rows[number % len(login.rows)] if login.rows else {})}
        request = values.put(login.request, known)
        body: dict[str, Any] = {"json": request.json}
        headers = {"User-Agent": AGENT, **request.headers}
        if login.form:
            body = {"data": urlencode(values.form(login, known))}
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        response = user.client.request(request.method, request.path, headers=headers, catch_response=True, **body)
        if exception := response.request_meta["exception"]:
            raise Unready(type(exception).__name__)
        if response.status_code != login.expect:
            msg = f"{response.status_code} instead of {login.expect}"
            raise Unready(msg)
        try:
            return {values.TOKEN: values.token(response.content, login.token)} if login.token else {}
        except ValueError as error:
            raise Unready(str(error)) from None

    def ask(self, user: FastHttpUser, number: int, session: dict[str, str]) -> None:
        """Send an arrival, and record how it ended."""
        request = self.load.requests[self.recorder.plan.kinds[number]]
        if self.load.fills:
            request = values.put(request, values.of_arrival(self.load, self.recorder.plan.whole(number), session))
        self.recorder.send(number)
        answer = send(user, request)
        self.blame_us(answer.error)
        self.recorder.answer(number, answer)

    def blame_us(self, error: str) -> None:
        """Take down that a request broke for want of something of ours: that is no error of the release."""
        if error in LACKING and (said := f"{error}: {LACKING[error]}") not in self._watch.accidents:
            self._watch.accidents.append(said)


def lacking(error: object) -> str:
    """Name what a request broke for want of on our side; empty where it did not. Errors may be wrapped in others."""
    seen: list[object] = [error]
    for one in seen:  # it grows
        if isinstance(one, OSError) and (name := errno.errorcode.get(one.errno or 0, "")) in LACKING:
            return name
        inner = [getattr(one, name, None) for name in ("reason", "__cause__", "__context__")]
        seen.extend(each for each in inner if isinstance(each, BaseException) and each not in seen)
        seen.extend(each for each in getattr(one, "args", ()) if isinstance(each, BaseException) and each not in seen)
    return ""


def send(user: FastHttpUser, request: Request) -> Answer:
    """Send one request; the verdict is ours, and with it Locust's rounded statistics stay empty."""
    headers = {"User-Agent": AGENT, **request.headers}
    response = user.client.request(
        request.method, request.path, headers=headers, json=request.json, catch_response=True
    )
    service_ms, size = response.request_meta["response_time"], response.request_meta["response_length"]
    if exception := response.request_meta["exception"]:
        return Answer(service_ms, 0, size, lacking(exception) or type(exception).__name__)
    unexpected = response.status_code != request.expect
    error = f"{response.status_code} instead of {request.expect}" if unexpected else ""
    return Answer(service_ms, response.status_code, size, error)


def _arriving(crowd: Crowd) -> type[FastHttpUser]:
    class Visitor(FastHttpUser):
        host = crowd.url
        wait_time = constant(0)
        client_pool = crowd.pool

        def on_start(self) -> None:
            _, self.session = crowd.enter(self)

        @task
        def visit(self) -> None:
            number = crowd.numbers.get()
            if crowd.recorder.now_s() - crowd.recorder.at_s[number] > crowd.load.timeout_s:
                crowd.recorder.drop(number)
                return
            crowd.ask(self, number, self.session)

    return Visitor


def _asking(crowd: Crowd) -> type[FastHttpUser]:
    kinds, weights = range(len(crowd.load.requests)), [request.weight for request in crowd.load.requests]

    class Visitor(FastHttpUser):
        host = crowd.url
        wait_time = between(*crowd.load.think_s)
        client_pool = crowd.pool

        def on_start(self) -> None:
            number, self.session = crowd.enter(self)
            self.chance = random.Random(crowd.load.seed + number)  # noqa: S311 - repeatable on purpose
            crowd.wait_for_begin()
            gevent.sleep(self.chance.uniform(0, max(SPREAD_S, crowd.load.think_s[1])))

        @task
        def visit(self) -> None:
            if crowd.stopped or len(crowd.recorder.at_s) >= crowd.recorder.plan.most:
                raise StopUser
            crowd.ask(self, crowd.recorder.arrive(self.chance.choices(kinds, weights)[0]), self.session)

    return Visitor
