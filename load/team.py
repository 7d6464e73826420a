"""The users of a team's own locustfile, as they are: what Locust tells of each request is recorded."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from geventhttpclient import client
from locust import events
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import Runner
from locust.util.load_locustfile import load_locustfile

from load.client import OnceClient
from load.generator import Watch
from load.recorder import Answer
from load.users import SPREAD_S, Crowd, Unready, lacking


class Team(Crowd):
    """They sign in, choose and wait by themselves."""

    def prepare(self, watch: Watch) -> Runner:
        """Load the file, as `locust --headless` does."""
        file, users = self.load.locustfile, self.load.in_flight
        # Every FastHttpUser makes its connections by this name: none of theirs repeats a request silently, either.
        client.HTTPClient = OnceClient  # type: ignore[misc]
        classes, shapes = load_locustfile(file)
        if shapes or not classes:
            what = (
                "a LoadTestShape, and how many users there are is what [load] users says" if shapes else "no user class"
            )
            msg = f"{file} has {what}"
            raise Unready(msg)
        options = get_parser().parse_args(
            ["--headless", "--locustfile", file, "--host", self.url, "--users", str(users)]
        )
        environment = Environment(
            user_classes=list(classes.values()), events=events, host=self.url, parsed_options=options
        )
        events.request.add_listener(self._hear)  # type: ignore[no-untyped-call]
        runner = self.runner(environment, watch)
        events.init.fire(environment=environment, runner=runner, web_ui=None)  # type: ignore[no-untyped-call]
        return runner

    def begin(self, runner: Runner) -> None:
        """Start them one after the other."""
        runner.start(self.load.in_flight, max(1.0, self.load.in_flight / SPREAD_S))

    def drain(self, runner: Runner, watch: Watch, within_s: float) -> None:
        """Let each end its task; what one that does not has asked is not known."""
        for greenlet in list(runner.user_greenlets):
            greenlet.args[0].stop(force=False)
        runner.user_greenlets.join(timeout=within_s)
        if left := len(runner.user_greenlets):
            name = Path(self.load.locustfile).name
            late = f"{self.load.timeout_s:g} s after the window"
            watch.accidents.append(f"{left} users of {name} had not ended their task {late}")

    def end(self, runner: Runner) -> None:
        """Let them go; the connections are theirs, and close with them."""
        super().end(runner)
        gc.collect()

    def _hear(self, name: str, response_time: float | None, response_length: int | None, **told: Any) -> None:  # noqa: ANN401
        service_ms = response_time or 0.0
        exception, status = told.get("exception"), int(getattr(told.get("response"), "status_code", 0) or 0)
        # Never its text: it may quote the request and its secrets.
        broke = "" if not exception else lacking(exception) or type(exception).__name__
        error = str(status) if exception and status >= 400 else broke
        self.blame_us(error)
        number = self.recorder.arrive(self.recorder.kind_of(name), service_ms / 1000)
        self.recorder.answer(number, Answer(service_ms, status, response_length or 0, error))
