"""The steps of the monthly drill, in their order. The first sentence of each is what the record and the runbook say."""

from __future__ import annotations

import time
from collections.abc import Callable

from psycopg import conninfo, sql

from restore_drills import levels
from restore_drills.application import Api, Request, Resource, ask, started
from restore_drills.backups import proof
from restore_drills.backups.crypt import KeyRefused
from restore_drills.backups.model import Damaged
from restore_drills.backups.programs import ProgramFailed
from restore_drills.backups.store import Missing
from restore_drills.compare import differences
from restore_drills.dr.drill import Drill
from restore_drills.dr.estimate import SIZE
from restore_drills.drill_corruption import Database
from restore_drills.loss import Failed

READ_ONLY = "default_transaction_read_only"
OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
PROBE = "CREATE TABLE release_verification_probe ()"
Step = Callable[[Drill], None]


def announce(drill: Drill) -> None:
    """Tell everybody who watches the system that a drill begins, and on what."""
    drill.tell(
        f"A disaster-recovery drill of {drill.release.name} {drill.release.version} begins. Should it end without"
        f" another word, bring the server back, and open it: {_alter(drill.dsn, f'RESET {READ_ONLY}')}"
    )


def read_only(drill: Drill) -> None:
    """Close the database for writing, end every open session, and see a write refused."""
    drill.sentinel.write()  # refused where it was closed before: then nothing of it is ours to open again
    drill.watched()
    drill.stack.callback(_opened, drill, drill.dsn)
    drill.sql(_alter(drill.dsn, f"SET {READ_ONLY} = on"))
    drill.sql(OTHERS)
    _refused(drill, PROBE, "read-only transaction", "a write was taken after the database had been closed for writing")


def back_up(drill: Drill) -> None:
    """Take a backup of the last moment, with a fingerprint of every row in it."""
    drill.manifest = drill.place.back_up(drill.programs)
    drill.names[drill.manifest.id] = "BACKUP"
    drill.passing()


def fail(drill: Drill) -> None:
    """Take the database's server away, and see that nobody reaches it."""
    drill.declared("database_up")
    drill.stack.callback(_up, drill)
    drill.down = True
    drill.failed_at = time.monotonic()
    drill.hook("database_down")
    _refused(drill, "SELECT 1", "psql: error", "the server still answers after it was taken away")


def restore(drill: Drill) -> None:
    """Bring the backup back into a fresh server, from the backup alone."""
    copying = proof.copied(drill.repository, drill.programs, drill.taken(), drill.fresh)
    drill.copy = drill.stack.enter_context(copying)


def verify(drill: Drill) -> None:
    """Hold every row, constraint, grant, role and sequence against what was, and every index against its table."""
    taken = drill.taken()
    before = proof.content_of(drill.repository, taken)
    after, broken = levels.whole(lambda described: proof.content(drill.copy, taken, described), lambda: _broken(drill))
    found = differences(before, after, physical=taken.physical)
    if any(each.part == "locale" for each in found):
        levels.sortable(drill.copy, before[taken.database].itself)
    drill.findings += [each.text for each in found]
    drill.findings += broken
    for name, statement in drill.release.section("database", Database).invariants.items():
        if drill.sql(" ".join(statement.split()), drill.copy):
            drill.findings.append(f"invariant {name}: does not hold in the copy")
    drill.rpo_s = drill.sentinel.lost_s(drill.copy)
    if drill.rpo_s is None:
        drill.findings.append("the word of this drill is not in the copy: it comes from another backup")
    drill.bytes = int(drill.sql(SIZE, drill.copy))
    assert not drill.findings, "the copy is not what its source was"


def switch(drill: Drill) -> None:
    """Start the application on the copy, and wait until it says that it is healthy."""
    assert drill.how.application, "[backup.application] does not say how the application is started on a copy"
    drill.heard(drill.how.application.start)
    drill.url = drill.stack.enter_context(started(drill.how.application, drill.release.root, drill.copy))


def test(drill: Drill) -> None:
    """Ask the application for what it must answer, and write, read and remove an object of each kind."""
    api = drill.release.section("api", Api)
    assert api.examples, "[api] declares no examples: nothing was asked"
    assert api.resources, "[api] declares no resources: nothing was written"
    for resource in api.resources:
        drill.findings += _kept(drill, resource)
    drill.rto_s = drill.since_failure()
    for one in api.examples:
        _asked(drill, one, {})
    assert not drill.findings, "the application does not serve from the copy as it should"


def stand_down(drill: Drill) -> None:
    """Bring the old server back, open it for writing, and see that no row of it has changed."""
    _up(drill)
    now = {drill.database: proof.look(drill.place.dsn)}  # with the eyes that saw it then
    found = differences(proof.content_of(drill.repository, drill.taken()), now, physical=False)
    drill.findings += [f"the source has changed: {each.text}" for each in found]
    _opened(drill, drill.dsn)
    assert not found, "the drill has changed its source"


STEPS: tuple[Step, ...] = (announce, read_only, back_up, fail, restore, verify, switch, test, stand_down)
"""The order; `document` is what comes of it, whatever happened."""


def sentence(step: Step) -> str:
    """What a step does."""
    return " ".join((step.__doc__ or "").split())


def title(step: Step) -> str:
    """What a step is called."""
    return step.__name__.replace("_", " ")


def blamed(problem: Exception) -> bool:
    """Whether it is the release's fault, rather than ours or the circumstances'."""
    return isinstance(problem, AssertionError | Failed | Damaged | Missing | KeyRefused | ProgramFailed)


def _broken(drill: Drill) -> list[str]:
    # It comes back closed for writing, as its source was when it was backed up.
    _opened(drill, drill.copy)
    return levels.broken(drill.copy, drill.programs)


def _alter(dsn: str, what: str) -> str:
    name = str(conninfo.conninfo_to_dict(dsn)["dbname"])
    return sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(name)).as_string() + what


def _refused(drill: Drill, statement: str, said: str, otherwise: str) -> None:
    try:
        drill.sql(statement)
    except ProgramFailed as problem:
        if said in str(problem):
            return
        raise
    raise AssertionError(otherwise)


def _asked(drill: Drill, request: Request, values: dict[str, str]) -> object:
    drill.heard((request.method, request.path))
    status, answer = ask(drill.url, request, values)
    if status != request.expect:
        drill.findings.append(f"{request.method} {request.path}: {status}, not {request.expect}")
    return answer


def _kept(drill: Drill, resource: Resource) -> list[str]:
    made = _asked(drill, resource.create, {})
    if not isinstance(made, dict) or resource.id_field not in made:
        return [f"{resource.name}: could not be made"]
    values = {"id": str(made[resource.id_field])}
    for request in filter(None, (resource.read, resource.delete)):
        _asked(drill, request, values)
    return []


def reopen(drill: Drill) -> None:
    """Bring the server back where nobody answers, and open the database for writing."""
    try:
        drill.sql("SELECT 1")
    except ProgramFailed:
        drill.hook("database_up")
    _opened(drill, drill.dsn)


def _opened(drill: Drill, dsn: str) -> None:
    # In a transaction that may write, since by itself none may any more.
    drill.sql(f"BEGIN READ WRITE; {_alter(dsn, f'RESET {READ_ONLY}')}; COMMIT", dsn)


def _up(drill: Drill) -> None:
    if drill.down:
        drill.hook("database_up")
        drill.down = False
