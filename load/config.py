"""`[load]` of release.toml: how many requests arrive, which ones, and with what secrets."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from load import shape as shapes
from load.baseline import Baseline
from load.compression import Compression
from load.drawn import How
from load.instances import Instances

MOST_ARRIVALS = 500_000
"""Every request is kept in memory and in an attachment."""

AGENT = "release-verification"
"""Who we say that we are."""

FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

Positive = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Path = Annotated[str, msgspec.Meta(pattern=r"^/(?!/)[^\x00-\x20\x7f]*$")]
Method = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]+$")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Status = Annotated[int, msgspec.Meta(ge=200, le=599)]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of request. `weight` is its share; requests with one `name` are one group in the report."""

    name: Name
    path: Path
    method: Method = "GET"
    json: Any = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    expect: Status = 200
    weight: Positive = 1


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[load.login]`: what each user sends once, before the clock starts; its cookies are kept.

    `data` is a CSV file with a row a user, whose columns are filled in; `token` is the key of its JSON answer that
    requests then have as `{token}`.
    """

    path: Path
    method: Method = "POST"
    json: Any = None
    form: dict[str, str] = msgspec.field(default_factory=dict)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    expect: Status = 200
    token: str = ""
    data: str = ""
    rows: tuple[dict[str, str], ...] = ()

    @property
    def request(self) -> Request:
        """It as a request."""
        return Request(
            name="login",
            path=self.path,
            method=self.method,
            json=self.json,
            headers=self.headers,
            expect=self.expect,
        )


class Load(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[load]`: arrivals a second, in an open model, for `warmup_s` (discarded) and then `duration_s` (measured).

    The model `closed` has `users` instead, of whom each waits for its answer, and then between both of `think_s`,
    before it asks again; `locustfile` is the team's own file of such users. `data` is a CSV file, whose next row each
    request has; `drawn` are values that are drawn for each.
    Before the first request nothing is asked for `rest_s`. Warm-up lasts until latencies are steady, at the most
    `longest_warmup_s`; 0 means that there is none. The window stays open until the interval of the p95 is on one side
    of `held_ms`, the promise, or without one is at most `precise` of the p95 wide; at the most for `longest_s`, else
    for `duration_s`.
    `max_in_flight` bounds the requests at work at once. `timeout_s` is how long a request may take, an arrival may wait
    for a free user, and the run waits at its end.
    `shape` is how the rate changes within the window: a name, in terms of `rate_per_s` and `duration_s`, or stages of
    its own. Up to `held_ms` the p95 of a stage is said to have held, so that the knee is found.
    """

    rate_per_s: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 0
    duration_s: Annotated[float, msgspec.Meta(ge=2, le=3600)] = 15
    requests: tuple[Request, ...] = ()
    model: Literal["open", "closed"] = "open"
    users: Annotated[int, msgspec.Meta(ge=1, le=5000)] | None = None
    think_s: tuple[Seconds, Seconds] = (0, 0)
    locustfile: str = ""
    data: str = ""
    rows: tuple[dict[str, str], ...] = ()
    drawn: dict[str, How] = msgspec.field(default_factory=dict)
    login: Login | None = None
    rest_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1
    warmup_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 5
    longest_warmup_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 30
    max_in_flight: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 200
    longest_s: Annotated[float, msgspec.Meta(ge=2, le=3600)] | None = None
    precise: Annotated[float, msgspec.Meta(gt=0, le=10)] = 0.5
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10
    shape: shapes.Preset | tuple[shapes.Stage, ...] = "steady"
    held_ms: Positive | None = None
    seed: int = 1
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    baseline: Baseline | None = None
    compression: Compression | None = None
    instances: Instances | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be kept in memory, what asks for nothing, and what is of another model."""
        self._check_model()
        self._check_compression()
        if self.longest_s is not None and self.longest_s < self.duration_s:
            msg = f"longest_s is {self.longest_s:g}, less than duration_s, which is {self.duration_s:g}"
            raise ValueError(msg)
        if self.stages or not isinstance(self.shape, str):
            shapes.judged(self.stages)
            if self.longest_s is not None:
                msg = "longest_s is for the shape `steady`: stages are as long as they say"
                raise ValueError(msg)
        asked = self.rate_per_s * self.most_warmup_s + sum(stage.rate_per_s * stage.for_s for stage in self.window)
        if asked > MOST_ARRIVALS:
            msg = (
                f"rate_per_s x (longest_warmup_s + longest_s), or the sum of the stages, is {asked:.0f}; "
                f"at most {MOST_ARRIVALS} arrivals are kept"
            )
            raise ValueError(msg)
        if self.model == "open" and round(self.rate_per_s * self.duration_s) < 1:
            msg = "rate_per_s x duration_s asks for less than one request"
            raise ValueError(msg)

    def _check_model(self) -> None:
        """Each model has fields of its own: one that would be ignored is refused."""
        closed = self.model == "closed"
        wrong = {
            "needs rate_per_s, the arrivals in a second": not closed and not self.rate_per_s,
            "has no users: max_in_flight bounds those of an open model": not closed and self.users is not None,
            "has no think_s: arrivals come when they are scheduled": not closed and any(self.think_s),
            "has no locustfile: users that wait for their answers are of the model `closed`": not closed
            and self.locustfile,
            "needs users": closed and not self.users,
            "has no rate_per_s: how much is asked depends on the release": closed and self.rate_per_s,
            "has no shape but `steady`": closed and self.shape != "steady",
            "has think_s from more to less": self.think_s[0] > self.think_s[1],
            "needs either requests or a locustfile": bool(self.requests) == bool(self.locustfile),
            "has a locustfile, which has login, data and think times of its own": self.locustfile
            and (self.login or self.data or self.rows or self.drawn or any(self.think_s)),
            "has both data and rows": self.data and self.rows,
        }
        for what, is_so in wrong.items():
            if is_so:
                msg = f"the model `{self.model}` {what}"
                raise ValueError(msg)

    def _check_compression(self) -> None:
        """Refuse exceptions that no request has, or that have no reason, and what has no requests of its own to ask."""
        if self.compression is None:
            return
        if self.locustfile:
            msg = "compression is seen on requests that are declared, and a locustfile has its own"
            raise ValueError(msg)
        for name, reason in self.compression.not_compressed.items():
            if name not in {request.name for request in self.requests} or not reason.strip():
                msg = f"compression.not_compressed: {name!r} needs a request of that name, and a reason"
                raise ValueError(msg)

    @property
    def fills(self) -> bool:
        """Say whether anything is put into requests; where nothing is, braces are braces."""
        return bool(self.data or self.rows or self.drawn or self.login)

    @property
    def in_flight(self) -> int:
        """How many users there are, who have one request at work each."""
        return self.users or self.max_in_flight

    @property
    def stages(self) -> tuple[shapes.Stage, ...]:
        """The stages of the shape; none is the window that closes when enough is known."""
        return shapes.stages(self.shape, self.rate_per_s, self.duration_s)

    @property
    def window(self) -> tuple[shapes.Stage, ...]:
        """All that may be asked in the measuring window."""
        steady = shapes.Stage(rate_per_s=self.rate_per_s, for_s=self.longest_s or self.duration_s, judged=True)
        return self.stages or (steady,)

    @property
    def most_s(self) -> float:
        """How long the measuring window may be at the most."""
        return sum(stage.for_s for stage in self.window)

    @property
    def most_ms(self) -> float:
        """How long a request may take before it is an error: its wait for a free user, and its own time."""
        return 2 * self.timeout_s * 1000

    @property
    def most_warmup_s(self) -> float:
        """How long warm-up may be at the most."""
        return max(self.warmup_s, self.longest_warmup_s) if self.warmup_s else 0
