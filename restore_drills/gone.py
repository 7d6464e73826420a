"""The database's server is taken away by the release's own hook, seen to be gone, and brought back."""

from __future__ import annotations

import subprocess
import time

from psycopg import conninfo, pq

from evidence.errors import CannotTell
from evidence.release import Release
from fixtures.target import Target
from restore_drills.contract import Drills

DOWN, UP = "database_down", "database_up"
HOOK_WITHIN_S = 60
GONE_WITHIN_S = 10.0
"""Named waits: for a hook to end, and for its server to answer nobody."""
ASK_WITHIN_S = 2
EVERY_S = 0.05


class Server:
    """The database's server: taken away by a hook and brought back, or `left` alone, and then it says why."""

    def __init__(self, release: Release, dsn: str) -> None:
        """Read what is declared; nothing happens yet."""
        self._release, self._dsn = release, dsn
        self._hooks = release.section("target", Target).hooks
        drills = release.section("backup.drills", Drills) if release.backup.get("drills") else Drills()
        self.left = drills.leave_server

    def down(self) -> None:
        """Take it away; CannotTell where nobody says how, nor why not."""
        if self.left:
            return
        if missing := [name for name in (DOWN, UP) if name not in self._hooks]:
            msg = (
                f"{self._release.path}: [target.hooks] has no {' and no '.join(missing)}: declare what takes the"
                " database's server away and brings it back, or say in [backup.drills] leave_server why nobody may"
            )
            raise CannotTell(msg)
        self._run(DOWN)

    def detect(self) -> None:
        """See that nobody answers any more; CannotTell where somebody still does: nothing would be proven then."""
        if self.left:
            return
        asked = conninfo.make_conninfo(self._dsn, connect_timeout=ASK_WITHIN_S).encode()
        deadline = time.monotonic() + GONE_WITHIN_S
        while pq.PGconn.ping(asked) != pq.Ping.NO_RESPONSE:
            if time.monotonic() > deadline:
                msg = (
                    f"{self._release.path}: [target.hooks] {DOWN} ended well, and the database's server still answers"
                    f" {GONE_WITHIN_S:g} s later: name what takes it away, or say in [backup.drills] leave_server why"
                    " nobody may"
                )
                raise CannotTell(msg)
            time.sleep(EVERY_S)

    def up(self) -> None:
        """Bring it back."""
        if not self.left and UP in self._hooks:
            self._run(UP)

    def _run(self, name: str) -> None:
        subprocess.run(self._hooks[name], cwd=self._release.root, check=True, timeout=HOOK_WITHIN_S)  # noqa: S603
