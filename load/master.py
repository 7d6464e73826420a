"""`--master`, and `--processes N`: deal the arrivals to workers, decide for them, and put together what they tell.

The plan is drawn once and dealt like cards, so that together the workers send the same Poisson process that one would.
Each tells every request; the master alone decides when warm-up is over and when the window closes.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence

import gevent  # type: ignore[import-untyped]
import gevent.queue  # type: ignore[import-untyped]
import msgspec

from load import engine
from load.channel import Answered, Asked, Begin, Channel, Done, Lost, Ping, Pong, Ready, Report, Said, Start
from load.config import Load
from load.engine import SLACK_S, reach, telling
from load.measurement import Measurement, Unreachable, together
from load.members import Gone, Member, check_way
from load.recorder import Recorder
from load.schedule import Plan, draw
from load.steering import Decision
from load.users import READY_WITHIN_S
from load.worker import NOTICE_S

SILENT_S = 5.0
STARTS_IN_S = 0.5
PINGS = 8
"""Named waits: without a word (each has one every half second) until one is lost; and from the word until the run
starts. How often each clock is asked: the quickest answer counts."""


def run(url: str, load: Load, channels: Sequence[Channel]) -> Measurement:
    """Send the declared load to the target by these workers; Unreachable where nothing can be said."""
    reach(url)
    master = Master(url, load, channels)
    most_s = engine.most_s(load) + READY_WITHIN_S
    hung = Unreachable(f"the load did not end within {most_s:.0f} s and was given up")
    try:
        with gevent.Timeout(most_s, hung):
            return master.run()
    finally:
        master.close()


class Master:
    """One run."""

    def __init__(self, url: str, load: Load, channels: Sequence[Channel]) -> None:
        """Deal the arrivals, and the users that send them; InputError where a worker has no way to the target."""
        for channel in channels:
            check_way(url, channel.peer)
        self.url, self.load = url, load
        plan, names = draw(load), [request.name for request in load.requests]
        self.members = [
            Member(
                number, len(channels), channel, Recorder(plan.dealt(number, len(channels)), names), peer=channel.peer
            )
            for number, channel in enumerate(channels)
        ]
        self.decision = Decision(load, [member.recorder for member in self.members])
        self._inbox = gevent.queue.Queue()
        self._readers = [gevent.spawn(self._read, member) for member in self.members]

    def run(self) -> Measurement:
        """Run, and put the parts together."""
        notes: list[str] = []
        closed_s = -1.0
        try:
            closed_s = self._steer(self._start())
        except Gone as gone:
            if self.load.model == "closed":
                msg = f"{gone}: what its users asked last is not known"
                raise Unreachable(msg) from None
            closed_s = self._closed_before()
            if closed_s < 0:
                msg = f"{gone}, before the window could close: what the others sent was not the load that is declared"
                raise Unreachable(msg) from None
            notes.append(f"{gone}; the window closed before that, and all that was sent in it is known")
        return self._together(closed_s, notes)

    def close(self) -> None:
        """Let the workers go."""
        gevent.killall(self._readers)
        for member in self.members:
            member.channel.close()

    def _start(self) -> Plan:
        """Deal, align the clocks, and say when it begins."""
        for member in self.members:
            member.heard = time.perf_counter()
            plan = member.recorder.plan
            self._say(
                member, Begin(self.url, self._share(member), plan.at_s.tobytes(), plan.kinds.tobytes(), *plan[2:])
            )
        self._wait(lambda: all(member.ready for member in self.members), READY_WITHIN_S + SLACK_S)
        offsets = [self._offset(member) for member in self.members]
        begins = time.perf_counter() + max(STARTS_IN_S, self.load.rest_s)
        for member, offset in zip(self.members, offsets, strict=True):
            member.recorder.begin(begins)
            self._say(member, Start(begins + offset))
        return self.members[0].recorder.plan

    def _share(self, member: Member) -> Load:
        """Return the load with the users that a worker is dealt."""
        users = self.load.users
        return msgspec.structs.replace(
            self.load,
            max_in_flight=max(1, member.share(self.load.max_in_flight)),
            users=member.share(users) if users else None,
        )

    def _offset(self, member: Member) -> float:
        """Return how far its clock is ahead of ours; off by half the quickest way there and back, at the most."""
        answers: list[tuple[float, float]] = []
        for _ in range(PINGS):
            member.clock, asked = None, time.perf_counter()
            self._say(member, Ping())
            self._wait(member.told)
            theirs, ours = member.clock or (math.nan, math.nan)
            answers.append((ours - asked, theirs - (asked + ours) / 2))
        there_and_back, offset = min(answers)
        member.clock_within_s = there_and_back / 2
        return offset

    def _steer(self, plan: Plan) -> float:
        """Decide for all, when all have asked; return when the window closed."""
        opens_s = closes_s = 0.0
        with telling(self.load, [member.recorder for member in self.members]):
            for look_s in plan.looks_s:
                opens_s = look_s + NOTICE_S
                if self._decide(look_s, self.decision.opens, opens_s):
                    break
            else:
                self._open(opens_s)
            for closing in plan.closings_s:
                closes_s = opens_s + closing
                if self._decide(closes_s, self.decision.closes):
                    break
            self._wait(lambda: all(member.done for member in self.members))
        return closes_s

    def _decide(self, at_s: float, rule: Callable[[float], bool], opens_s: float | None = None) -> bool:
        self._wait(lambda: all(member.asked_s >= at_s - 1e-6 for member in self.members))
        yes = rule(at_s)
        if yes and opens_s is not None:
            self._open(opens_s)
        for member in self.members:
            self._say(member, Answered(yes))
        return yes

    def _open(self, opens_s: float) -> None:
        for member in self.members:
            member.recorder.open(opens_s)

    def _closed_before(self) -> float:
        """Return the last time that the window may close at, with all until then known of all; none is -1."""
        one = self.members[0].recorder
        known_s = min(member.recorder.known_until_s() for member in self.members)
        closings = (one.opens_s + closing for closing in one.plan.closings_s)
        # An arrival after that, however long the gap before it, must not be from before the loss.
        past = itertools.takewhile(lambda at_s: at_s <= min(known_s, one.now_s()), closings)
        return max(past, default=-1.0)

    def _together(self, closed_s: float, notes: Sequence[str]) -> Measurement:
        span = self.decision.span(self.members[0].recorder.opens_s, closed_s)
        parts = [
            Measurement(self._share(member), span, member.recorder.samples(closed_s), member.vitals)
            for member in self.members
        ]
        everything = sorted((sample for part in parts for sample in part.everything), key=lambda sample: sample.at_s)
        vitals = together((part.vitals for part in parts), notes)
        began_s = self.members[0].recorder.began_s
        return Measurement(self.load, span, everything, vitals, began_s, parts=parts)

    def _wait(self, enough: Callable[[], bool], within_s: float | None = None) -> None:
        """Hear what workers say until it is enough; Gone where one of them is lost."""
        deadline = time.perf_counter() + (within_s or float("inf"))
        while not enough():
            try:
                member, said = self._inbox.get(timeout=SILENT_S / 5)
                self._hear(member, said)
            except gevent.queue.Empty:
                pass
            now = time.perf_counter()
            for member in self.members:
                if not member.done and (now - member.heard > SILENT_S or now > deadline):
                    why = f"it was silent for {now - member.heard:.1f} s"
                    raise Gone(member, why)

    def _hear(self, member: Member, said: Said | Lost) -> None:
        match said:
            case Report(rows, vitals, arrivals):
                for at_s, kind in arrivals:
                    member.recorder.learn(at_s, kind)
                for row in rows:
                    member.recorder.take(row)
                member.told_vitals.append(vitals)
            case Asked(at_s):
                member.asked_s = at_s
            case Pong(theirs):
                member.clock = theirs, member.heard
            case Ready():
                member.ready = True
            case Done():
                member.done = True
            case _ if not member.done:
                why = str(said) if isinstance(said, Lost) else f"it said {type(said).__name__}"
                raise Gone(member, why)

    def _read(self, member: Member) -> None:
        try:
            while True:
                said = member.channel.receive()
                member.heard = time.perf_counter()
                self._inbox.put((member, said))
        except Lost as error:
            self._inbox.put((member, error))

    def _say(self, member: Member, message: Said) -> None:
        try:
            member.channel.send(message)
        except Lost as error:
            raise Gone(member, str(error)) from None
