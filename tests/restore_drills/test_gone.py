"""A server is lost where it is seen to be gone; a hook that does nothing, or is not there, proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evidence.errors import CannotTell
from evidence.release import Release, Source
from fixtures.postgres import Postgres, free_port, postgres, url
from restore_drills import gone
from restore_drills.gone import DOWN, UP, Server


@pytest.fixture(scope="module")
def running() -> Iterator[Postgres]:
    """The server that may be lost."""
    with postgres("embedded") as server:
        yield server


def release(folder: Path, hooks: dict[str, list[str]], left: str = "") -> Release:
    """A release with these hooks."""
    return Release(
        name="shop", version="1", source=Source(paths=()), path=folder / "release.toml",
        target={"url": "http://127.0.0.1:1", "hooks": hooks},
        backup={"dump": ["true"], "drills": {"leave_server": left}},
    )  # fmt: skip


def test_a_hook_that_takes_nothing_away_proves_nothing(
    running: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends well, and the server still answers: whoever is let in, or only told that the password is wrong."""
    monkeypatch.setattr(gone, "GONE_WITHIN_S", 0.2)
    hooks = {DOWN: ["touch", "down"], UP: ["touch", "up"]}
    for address in (running.dsn, url("nobody", "wrong", running.dsn.rpartition("@")[2].partition("/")[0], "postgres")):
        server = Server(release(tmp_path, hooks), address)
        server.down()
        with pytest.raises(CannotTell, match="database_down ended well, and the database's server still answers"):
            server.detect()
        server.up()

    assert {"down", "up"} == {path.name for path in tmp_path.iterdir()}


def test_a_server_that_is_stopped_is_gone(tmp_path: Path) -> None:
    """Also one that goes a moment after its hook has ended."""
    with postgres("embedded") as server:
        lost = Server(release(tmp_path, {DOWN: ["true"], UP: ["true"]}), server.dsn)
        server.stop()
        lost.detect()

    Server(release(tmp_path, {DOWN: ["true"], UP: ["true"]}), url("x", "y", f"127.0.0.1:{free_port()}", "z")).detect()


@pytest.mark.parametrize(
    ("hooks", "said"),
    [({}, "no database_down and no database_up"), ({DOWN: ["true"]}, "no database_up: declare")],
)
def test_a_hook_that_is_not_there_is_asked_for(tmp_path: Path, hooks: dict[str, list[str]], said: str) -> None:
    """Before anything is taken away that nobody could bring back."""
    server = Server(release(tmp_path, hooks), "")

    with pytest.raises(CannotTell, match=said):
        server.down()
    server.up()


@pytest.mark.parametrize("way", [Server.down, Server.detect, Server.up])
def test_a_server_that_nobody_may_stop_is_left_alone(tmp_path: Path, way: Callable[[Server], None]) -> None:
    """Where release.toml says why."""
    server = Server(release(tmp_path, {DOWN: ["false"], UP: ["false"]}, left="others test on it"), "")
    way(server)

    assert "others test on it" == server.left
