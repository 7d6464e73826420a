"""`[load]` of release.toml: how many requests arrive, which ones, and with what secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from evidence.errors import InputError
from evidence.variables import resolve as filled
from load import shape as shapes

MOST_ARRIVALS = 500_000
"""Every request is kept in memory and in an attachment."""

FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

Positive = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Path = Annotated[str, msgspec.Meta(pattern=r"^/(?!/)[^\x00-\x20\x7f]*$")]
Method = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]+$")]
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


class Load(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[load]`: arrivals a second, in an open model, for `warmup_s` (discarded) and then `duration_s` (measured).

    Warm-up lasts until latencies are steady, at the most `longest_warmup_s`; 0 means that there is none. The window
    stays open until the interval of the p95 is at most `precise` of it wide, at the most for `longest_s` (default:
    `duration_s`).
    `max_in_flight` bounds the requests at work at once. `timeout_s` is how long a request may take, an arrival may wait
    for a free user, and the run waits at its end.
    `shape` is how the rate changes within the window: a name, in terms of `rate_per_s` and `duration_s`, or stages of
    its own. `held_ms` is the latency up to which the p95 of a stage is said to have held, so that the knee is found.
    """

    rate_per_s: Positive
    duration_s: Annotated[float, msgspec.Meta(ge=2, le=3600)] = 15
    requests: Annotated[tuple[Request, ...], msgspec.Meta(min_length=1)]
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

    def __post_init__(self) -> None:
        """Refuse what cannot be kept in memory, and what asks for nothing."""
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
        if round(self.rate_per_s * self.duration_s) < 1:
            msg = "rate_per_s x duration_s asks for less than one request"
            raise ValueError(msg)

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


def resolve(load: Load, environment: Mapping[str, str] = os.environ) -> Load:
    """Fill `${NAME}` in and give every request the common headers; InputError names what cannot be sent."""
    common = filled(load.headers, environment)
    requests = tuple(
        msgspec.structs.replace(
            request,
            path=filled(request.path, environment),
            json=filled(request.json, environment),
            headers={**common, **filled(request.headers, environment)},
        )
        for request in load.requests
    )
    for request in requests:
        _check_sendable(request)
    return msgspec.structs.replace(load, requests=requests)


def _check_sendable(request: Request) -> None:
    """Headers and path as HTTP has them; the values may be secrets, so that only their names are told."""
    where = f"release.toml: [load] requests: {request.name!r}"
    if not re.fullmatch(r"/(?!/)[^\x00-\x20\x7f]*", request.path):
        msg = f"{where}: path has a blank or a control character once its variables are filled in"
        raise InputError(msg)
    for name, value in request.headers.items():
        if not FIELD_NAME.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            msg = f"{where}: header {name!r} cannot be sent: its name or value is not valid in HTTP"
            raise InputError(msg)
    try:
        msgspec.json.encode(request.json)
    except (TypeError, ValueError) as error:
        msg = f"{where}: json cannot be sent: {error}"
        raise InputError(msg) from None
