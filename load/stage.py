"""Leave the evidence of a run, whatever became of it."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec

from checks.claim import claim_of
from checks.permission import refusal
from checks.stage import Result, Stage
from evidence import chart
from evidence.chart import Chart
from evidence.errors import InputError
from evidence.model import Outcome
from evidence.release import Undeclared
from evidence.run import now
from load.beside import beside
from load.by_name import by_name
from load.charts import charts
from load.checks import CHECKS, UNTIMED, Check, identifier
from load.compared_charts import compared_charts
from load.config import Load
from load.finding import Finding
from load.generated import avoided, generators, model
from load.measurement import Measurement
from load.resolve import resolve
from load.server import watched
from load.stages import knee, stages, words
from load.summary import summary
from load.table import to_columns, to_csv

Attack = Callable[[str, Load], Measurement]

TREE = Path(__file__).parents[1]
LOOKED, WRONG, BAD_INPUT = 0, 1, 2


class Runner:
    """Runs the load once and lets every check look at it."""

    def __init__(self, stage: Stage, attack: Attack, alone: Attack | None = None) -> None:
        """`attack` sends the load to a URL; `alone` does so from this process, where `attack` is several."""
        self.stage = stage
        self._attack, self._alone = attack, alone or attack
        self._started = now()
        self._attachments: tuple[str, ...] = ()
        self._own: dict[str, tuple[str, ...]] = {}
        self._notes: tuple[str, ...] = ()
        stage.plan(map(identifier, CHECKS))

    def run(self) -> int:
        """Measure and judge nothing; return 0, 1 where a check did not pass, 2 where release.toml is wrong."""
        checks = self._applicable()
        if not checks:
            return LOOKED
        try:
            measurement = self._measure()
        except Undeclared as error:
            return self._all(checks, Outcome.SKIPPED, str(error), LOOKED)
        except InputError as error:
            return self._all(checks, Outcome.ERRORED, str(error), BAD_INPUT)
        except Exception as error:  # noqa: BLE001 - whatever it is, we could not tell
            return self._all(checks, Outcome.ERRORED, str(error) or repr(error), WRONG)
        return max(self._look(check, measurement) for check in checks)

    def _applicable(self) -> list[Check]:
        """Leave out what release.toml declares not applicable, before anything is sent."""
        reasons = self.stage.release.not_applicable
        for check in CHECKS:
            if reason := reasons.get(identifier(check)):
                self._add(check, Outcome.NOT_APPLICABLE, Finding({}, reason))
        return [check for check in CHECKS if identifier(check) not in reasons]

    def _measure(self) -> Measurement:
        load = self._declared = resolve(self.stage.release.section("load", Load), self.stage.release.root)
        url = os.environ.get("TARGET_URL", "")
        if not url.startswith(("http://", "https://")):
            msg = f"TARGET_URL is {url!r}, not an http address: run this stage by `nox -s load`, which sets it"
            raise InputError(msg)
        if why := refusal(self.stage.release, "load", url):
            raise Undeclared(why)
        with watched(self.stage.release.database.get("statistics")) as watching:
            measurement = self._attack(url, load)
            server = watching.end()
        measurement = replace(measurement, server=server.since(measurement.began_s))
        self._keep(measurement)  # what is sent beside it may break, and takes nothing of this along
        folder = self.stage.run.path / "attachments" / self.stage.name
        measurement = beside(self.stage.release, self._alone, url, measurement, folder)
        self._report(measurement)
        self._own["LOAD-007"] = self._drawn(compared_charts(measurement.compared))
        return measurement

    def _keep(self, measurement: Measurement) -> None:
        """Attach what the load itself has shown."""
        self._attachments = (
            self._report(measurement),
            self.stage.attach("requests.csv.gz", to_csv(measurement.everything)),
            self.stage.attach("requests.npz", to_columns(measurement.everything)),
            *self._drawn({"by_name": by_name(summary(measurement, self.stage.tools)), **charts(measurement)}),
        )

    def _report(self, measurement: Measurement) -> str:
        """Attach the numbers, as far as they are known."""
        told, declared = stages(measurement), self._declared
        hidden = "" if avoided(declared) else model(declared)
        self._notes = tuple(filter(None, [hidden, words(measurement, told), *measurement.vitals.notes]))
        numbers = {
            **summary(measurement, self.stage.tools),
            "model": model(declared),
            "generators": generators(measurement),
            "stages": told,
            "knee_per_s": knee(told),
        }
        return self.stage.attach("load.json", msgspec.json.format(msgspec.json.encode(numbers)).decode())

    def _drawn(self, drawn: dict[str, Chart]) -> tuple[str, ...]:
        return tuple(self.stage.attach(f"{name}{chart.SUFFIX}", chart.encode(one)) for name, one in drawn.items())

    def _look(self, check: Check, measurement: Measurement) -> int:
        try:
            finding, outcome = check(measurement), Outcome.PASSED
        except AssertionError as error:
            finding, outcome = Finding({}, str(error)), Outcome.FAILED
        except Undeclared as error:
            self._add(check, Outcome.SKIPPED, Finding({}, str(error)))
            return LOOKED
        except Exception as error:  # noqa: BLE001 - not an assertion: we could not tell
            finding, outcome = Finding({}, f"{type(error).__name__}: {error}"), Outcome.ERRORED
        finding = Finding(finding.measured, "\n".join(filter(None, [finding.detail, *self._notes])))
        if check not in UNTIMED and (unfit := measurement.unfit()):
            seen = f"{unfit}\nseen all the same: {finding.detail or 'nothing amiss'}"
            finding, outcome = Finding(finding.measured, seen), Outcome.ERRORED
        self._add(check, outcome, finding)
        return LOOKED if outcome else WRONG

    def _all(self, checks: list[Check], outcome: Outcome, detail: str, code: int) -> int:
        sys.stderr.write(f"{detail}\n")
        for check in checks:
            self._add(check, outcome, Finding({}, detail))
        return code

    def _add(self, check: Check, outcome: Outcome, finding: Finding) -> None:
        source, line = inspect.getsourcefile(check), inspect.getsourcelines(check)[1]
        where = Path(source or "").relative_to(TREE).as_posix()
        self.stage.add(
            Result(
                check=identifier(check),
                claim=claim_of(check),
                outcome=outcome,
                started=self._started,
                seconds=(now() - self._started) / timedelta(seconds=1),
                detail=finding.detail,
                measured=finding.measured,
                attachments=(*self._attachments, *self._own.get(identifier(check), ())),
                where=f"{where}:{line}",
            )
        )
