"""What is wrong with a repository as a whole is found and named, and a healthy one has no finding."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import msgspec
import pytest

from restore_drills.backups import proof
from restore_drills.backups.findings import Planned, find
from restore_drills.backups.model import Damaged, Kind, Manifest
from restore_drills.backups.repository import Repository
from restore_drills.backups.timelines import forks, segment
from restore_drills.backups.wal import Archive, Kept
from tests.restore_drills.backups_world import NOON, committed, manifest, repository

SIZE = 1 << 24
EVERY: dict[Kind, float] = {"full": 24.0, "incremental": 1.0}
HOUR = dt.timedelta(hours=1)


def history() -> list[Manifest]:
    """A full backup yesterday and an incremental one each hour since, up to noon."""
    made = [manifest(when=NOON - 20 * HOUR)]
    for number in range(1, 21):
        parents = (*made[-1].parents, made[-1].id)
        made.append(manifest("incremental", NOON - (20 - number) * HOUR, parents, number))
    return made


def log(*numbers: int) -> Archive:
    """The log of the made-up server: the backup number n begins in segment n + 1."""
    return Archive("7", tuple(Kept(segment(1, number, SIZE), "", "") for number in numbers))


def found(manifests: list[Manifest], archive: Archive, now: dt.datetime = NOON) -> list[tuple[str, str]]:
    """Look."""
    return [(finding.place, finding.problem) for finding in find(manifests, [archive], EVERY, now)]


def test_a_healthy_repository_has_no_finding() -> None:
    """A finding that is always there would not be read."""
    assert [] == found(history(), log(*range(25)))


def test_a_stale_repository_is_found() -> None:
    """Every other proof would be green: only the clock tells."""
    assert [
        ("full", "the newest is 68.0 h old, and one is planned every 24 h"),
        ("incremental", "the newest is 48.0 h old, and one is planned every 1 h"),
    ] == found(history(), log(*range(25)), NOON + 48 * HOUR)


def test_an_empty_repository_is_found() -> None:
    """No data is not health."""
    assert [
        ("full", "there is none, and one is planned every 24 h"),
        ("incremental", "there is none, and one is planned every 1 h"),
    ] == found([], log())


def test_a_missed_run_is_found() -> None:
    """Also where the next one was in time; a chain that skips an hour is whole all the same."""
    made = history()
    later = msgspec.structs.replace(made[-1], started=NOON + 3 * HOUR, finished=NOON + 3 * HOUR)

    assert [("incremental", "none between 2026-11-25 11:00 and 2026-11-25 15:00 UTC: runs were missed")] == found(
        [*made[:-1], later], log(*range(25)), NOON + 3 * HOUR
    )


def of_server(server: str, made: list[Manifest]) -> list[Manifest]:
    """Give the same backups of another server."""
    return [msgspec.structs.replace(one, system_identifier=server) for one in made]


def two(later: list[Manifest], *retired: str, every: dict[Kind, float] | None = None) -> list[tuple[str, str]]:
    """Look at a store in which server 7 is backed up well, and another one otherwise."""
    planned = Planned(retired=retired)
    there = find([*history(), *later], [log(*range(25))], every or EVERY, NOON, planned)
    return [(finding.place, finding.problem) for finding in there]


def test_two_servers_in_one_store_hide_no_missed_run_of_each_other() -> None:
    """Server 8's backups have stopped six hours ago, or it has none of a kind, and server 7 goes on."""
    stopped = of_server("8", history()[:15])
    none = [manifest("logical", NOON, number=30, system_identifier="8")]
    hint = "; if that was replaced or is gone, name it in `retired` of backup.toml"

    assert [] == two(of_server("8", history()))
    assert [
        ("incremental of server 8", f"the newest is 6.0 h old, and one is planned every 1 h{hint}"),
    ] == two(stopped)
    assert [("full of server 8", "there is none, and one is planned every 24 h")] == two(none, every={"full": 24.0})


def test_a_server_that_was_replaced_is_not_missed_for_ever() -> None:
    """Somebody says so once; what is said of nobody is found, and where all are retired nothing is backed up."""
    stopped = of_server("8", history()[:15])

    assert [] == two(stopped, "8")
    assert [("retired", "'9' is neither a server nor a dumped database of this store")] == two([], "9")
    assert ["full", "incremental"] == [place for place, _ in two(stopped, "7", "8")]


def test_a_failover_is_no_other_server() -> None:
    """On a new timeline it keeps its identifier, so its backups are one row."""
    made = history()
    later = [msgspec.structs.replace(one, timeline=2) for one in made[10:]]

    assert [] == [each for each in found([*made[:10], *later], log()) if "incremental" in each[0]]


def test_a_database_whose_dumps_have_stopped_is_found_beside_another() -> None:
    """Until it is retired, as one that was dropped."""
    dumps = [
        manifest("logical", NOON - hours * HOUR, number=30 + hours, database=name)
        for name, hours in {"shop": 1, "gone": 50}.items()
    ]
    every: dict[Kind, float] = {"logical": 24.0}
    ((place, problem),) = two(dumps, every=every)

    assert ("logical of 'gone' of server 7", True) == (place, problem.startswith("the newest is 50.0 h old"))
    assert [] == two(dumps, "gone", every=every)


def test_the_log_of_each_server_is_looked_at() -> None:
    """Server 8 was backed up before server 7, and its log never came."""
    made = [*history(), *of_server("8", history()[:15])]
    whole = msgspec.structs.replace(log(*range(25)), grew=NOON)
    stopped = find(made, [whole], EVERY, NOON, Planned(log_every=1.0))

    assert ["wal/8"] == [finding.place for finding in stopped if finding.place.startswith("wal/")]


def test_a_broken_chain_is_found_at_each_backup_that_needs_it() -> None:
    """The missing parent is named."""
    made = history()
    broken = [*made[:18], *made[19:]]
    chains = [each for each in found(broken, log(*range(25))) if made[18].id in each[1] and each[0] not in each[1]]

    assert [made[19].id, made[20].id] == [place for place, _ in chains]


def test_a_gap_in_the_log_is_found_by_name() -> None:
    """Each segment that is missing between the oldest physical backup and the newest segment."""
    gaps = found(history(), log(*(number for number in range(25) if number not in (3, 9))))

    assert [f"wal/7/{segment(1, 3, SIZE)}", f"wal/7/{segment(1, 9, SIZE)}"] == [place for place, _ in gaps]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"started": NOON + HOUR, "finished": NOON + HOUR}, "is from the future"),
        ({"finished": NOON - HOUR}, "ended before it began"),
        ({"start_lsn": "0/100"}, "before it in the log"),
    ],
)
def test_a_clock_that_jumped_is_found(change: dict[str, object], said: str) -> None:
    """Retention and freshness trust these times."""
    made = history()
    made[-1] = msgspec.structs.replace(made[-1], **change)

    assert said in " ".join(problem for place, problem in found(made, log(*range(25))) if place == made[-1].id)


BACKUP = manifest(number=4)
"""It ends at the very beginning of segment 5."""


@pytest.mark.parametrize(
    ("there", "until", "expected"),
    [
        ((5, 6, 7), None, [5, 6, 7]),
        ((1, 2, 5, 6), None, [5, 6]),
        ((5, 6, 7), 6 * SIZE + 1, [5, 6]),
        ((5, 6, 7), 6 * SIZE, [5, 6]),
        ((5, 6, 7), 5 * SIZE, []),
        ((), None, []),
        ((1, 2), None, []),
    ],
)
def test_the_log_that_leads_on_is_chosen(there: tuple[int, ...], until: int | None, expected: list[int]) -> None:
    """From the end of the backup to the target, and no more."""
    chosen = log(*there).since(BACKUP, until)

    assert [segment(1, number, SIZE) for number in expected] == [one.name for one in chosen]


@pytest.mark.parametrize(
    ("there", "until", "missing"),
    [
        ((5, 7), None, 6),
        ((6, 7), None, 5),
        ((5, 6), 9 * SIZE, 7),
        ((), 6 * SIZE, 5),
        ((5, 7), 8 * SIZE, 6),
    ],
)
def test_a_broken_way_is_refused_by_name(there: tuple[int, ...], until: int | None, missing: int) -> None:
    """A server would recover up to the gap and look fine."""
    with pytest.raises(Damaged, match=f"{segment(1, missing, SIZE)}: is missing"):
        log(*there).since(BACKUP, until)


def test_a_later_timeline_is_followed_and_its_gap_refused() -> None:
    """After a failover the log goes on under a new number, with its history beside it."""
    old, new = log(5, 6), [Kept(segment(2, number, SIZE), "", "") for number in (6, 7, 8)]
    history_file = Kept("00000002.history", "", "")
    whole = Archive("7", (*old.kept, *new, history_file))

    assert {one.name for one in whole.kept} == {one.name for one in whole.since(BACKUP, None)}
    with pytest.raises(Damaged, match=segment(2, 7, SIZE)):
        Archive("7", (*old.kept, new[0], new[2], history_file)).since(BACKUP, None)


FORKED = {2: {1: 6 * SIZE + 100}}
"""Timeline 1 was left in its segment 6."""


def forked(old: tuple[int, ...], new: tuple[int, ...], histories: dict[int, dict[int, int]] | None = None) -> Archive:
    """The log after a failover: segments of timeline 1, and of timeline 2 with its history."""
    later = [Kept(segment(2, number, SIZE), "", "") for number in new]
    return Archive("7", (*log(*old).kept, *later, Kept("00000002.history", "", "")), histories or {})


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ((5,), (7, 8), segment(2, 6, SIZE)),
        ((5, 6, 7, 8), (8, 9), segment(2, 6, SIZE)),
        ((), (6, 7), segment(1, 5, SIZE)),
        ((5,), (6, 8), segment(2, 7, SIZE)),
    ],
)
def test_a_gap_where_a_timeline_begins_is_refused_and_found(
    old: tuple[int, ...], new: tuple[int, ...], missing: str
) -> None:
    """Where it begins its history says, not the first of its segments that happens to be there."""
    archive = forked(old, new, FORKED)

    with pytest.raises(Damaged, match=f"{missing}: is missing"):
        archive.since(BACKUP, None)
    assert f"wal/7/{missing}" in [place for place, _ in found([BACKUP], archive)]


def test_a_log_that_forked_is_whole_without_what_the_old_timeline_went_on_to() -> None:
    """The segment of the fork is copied to the new timeline; what the old server still wrote leads nowhere."""
    archive = forked((5, 8, 9), (6, 7), FORKED)

    assert [segment(1, 5, SIZE), segment(2, 6, SIZE), segment(2, 7, SIZE)] == [
        one.name for one in archive.since(BACKUP, None) if not one.name.endswith(".history")
    ]
    assert [] == [place for place, _ in found([BACKUP], archive) if place.startswith("wal/")]


def test_without_its_history_no_timeline_is_found() -> None:
    """A server would recover along the old one, and look fine."""
    archive = Archive("7", tuple(one for one in forked((5,), (6, 7)).kept if not one.name.endswith(".history")))

    with pytest.raises(Damaged, match=r"wal/7/00000002\.history: is missing"):
        archive.since(BACKUP, None)


def test_a_backup_of_a_branch_that_was_left_before_it_is_refused() -> None:
    """Its data are in no history that goes on."""
    with pytest.raises(Damaged, match=r"00000002\.history: left timeline 1 at 0/2000000, before 0/5000000"):
        forked((5,), (2, 3), {2: {1: 2 * SIZE}}).since(BACKUP, None)


def test_a_sealed_history_without_a_key_still_shows_a_gap() -> None:
    """Then the first segment that is there is taken for the beginning, and the old timeline has to reach it."""
    with pytest.raises(Damaged, match=f"{segment(1, 6, SIZE)}: is missing"):
        forked((5,), (7, 8)).since(BACKUP, None)


def test_a_history_is_read_as_the_server_writes_it() -> None:
    """With tabs, reasons and a line for each timeline before."""
    written = "1\t0/6000064\tno recovery target specified\n\n2\t1/A0\tbefore 2026-11-25 12:00:00+00\n"

    assert {1: 0x6000064, 2: (1 << 32) + 0xA0} == forks(written)


def _log_findings(archive: Archive, now: dt.datetime = NOON) -> list[str]:
    made = find(history(), [archive], EVERY, now, Planned(log_every=1.0))
    return [finding.problem for finding in made if finding.place == "wal/7"]


def test_a_log_that_never_came_or_stopped_is_found() -> None:
    """Each backup may be well, and everything since the newest be lost all the same."""
    whole = msgspec.structs.replace(log(*range(25)), grew=NOON)
    short = msgspec.structs.replace(log(*range(15)), grew=NOON)
    late = NOON + 3 * HOUR

    assert [] == _log_findings(whole)
    assert ["holds no log, though `wal` of backup.toml says that it is archived: it never came here"] == _log_findings(
        log()
    )
    assert [] == _log_findings(short), "the newest backup is of this very hour: its log may be on the way"
    ends = f"ends at 0/F000000, before the end of {history()[-1].id} (0/15000000): archiving has stopped"
    assert [ends] == _log_findings(msgspec.structs.replace(short, grew=late), late)
    (old,) = _log_findings(whole, late)
    assert f"the newest segment {segment(1, 24, SIZE)} came 3.0 h ago, and one is expected every 1 h" in old
    assert [] == [one for one in find(history(), [log()], EVERY, NOON) if one.place == "wal/7"], "none is archived"


def test_what_lies_open_beside_what_is_sealed_is_found() -> None:
    """Recipients that are gone from backup.toml are not noticed by anybody else; what was before them may be open."""
    made = history()
    sealed = [msgspec.structs.replace(one, recipients=("age1x",)) for one in made[5:15]]
    mixed = [*made[:5], *sealed, *made[15:]]
    kept = [Kept(segment(1, n, SIZE), "", f"{n}.gz{'.age' if 5 <= n < 15 else ''}") for n in range(25)]

    assert [one.id for one in made[15:]] + [f"wal/7/{segment(1, 15, SIZE)}"] == [
        place for place, problem in found(mixed, Archive("7", tuple(kept))) if "lies open" in problem
    ]
    assert [] == [place for place, problem in found(made, log(*range(25))) if "lies open" in problem]


@pytest.fixture
def place(tmp_path: Path) -> Repository:
    """An empty repository."""
    return repository(tmp_path / "store")


def test_an_older_copy_of_the_whole_repository_in_its_place_is_found(place: Repository, tmp_path: Path) -> None:
    """All of it fits together, and nothing in it tells but its age."""
    store = Path(place.store.name)
    files = {"base.tar": b"rows"}
    committed(place, manifest(when=NOON - 24 * HOUR, files=files), files)
    shutil.copytree(store, tmp_path / "older")
    committed(place, manifest(when=NOON, number=1, files=files), files)
    now = NOON + 13 * HOUR
    assert [] == find(place.manifests(), [], {"full": 24.0}, now)
    shutil.rmtree(store)
    (tmp_path / "older").rename(store)

    assert [] == [one for each in place.manifests() for one in proof.stored(place, each)]
    assert ["the newest is 37.0 h old, and one is planned every 24 h"] == [
        one.problem for one in find(place.manifests(), [], {"full": 24.0}, now)
    ]


def test_one_segment_with_two_contents_is_refused(place: Repository) -> None:
    """Two servers archive into one store: neither history can be trusted."""
    top = place.work.parent / "wal" / "7"
    top.mkdir(parents=True)
    for digest in ("a" * 64, "b" * 64):
        (top / f"{segment(1, 5, SIZE)}-{digest}.gz").touch()

    with pytest.raises(Damaged, match="two contents"):
        Archive.read(place, "7")
