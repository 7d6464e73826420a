"""A breach is tried on a real server and a small application; what a thief still opens afterwards is seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import psycopg
import pytest

from evidence import release as releases
from evidence.errors import CannotTell, InputError
from evidence.release import Undeclared
from fixtures.postgres import Postgres, database, postgres
from restore_drills import thief
from restore_drills.application import Application, Request, Resource
from restore_drills.breach import Closed, breached
from restore_drills.incident import SENTENCES, Act, Breach
from restore_drills.thief import Audit, Doors
from restore_drills.visitor import Account, Csrf, Keys, Webhook
from tests.restore_drills.backups_world import execute

TREE = Path(__file__).parents[2]
SHOP = """
import base64, hmac, http.server, json, os, psycopg
OPEN = []
def sql(statement, *values):
    if not OPEN or OPEN[0].broken:
        OPEN[:] = [psycopg.connect(os.environ["SHOP_DB"], autocommit=True)]
    try:
        return OPEN[0].execute(statement, values).fetchall()
    except psycopg.OperationalError:
        return sql(statement, *values)
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        session, key = self.headers.get("Cookie", "").rpartition("session=")[2], self.headers.get("X-Key", "")
        self.say({
            "/health": lambda: (200, ""),
            "/login": lambda: (200, '<input type="hidden" name="csrf" value="f&amp;g">'),
            "/me": lambda: (200 if sql("SELECT 1 FROM session WHERE id = %s", session) else 303, "token:" + session),
            "/items": lambda: (200 if sql("SELECT 1 FROM key WHERE key = %s", key) else 401, ""),
        }[self.path]())
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.say(getattr(self, self.path[1:])(body))
        except psycopg.Error:
            self.say((503, ""))
    def login(self, body):
        if body != b"word=open&csrf=f%26g" or "form=1" not in self.headers["Cookie"]:
            return 401, ""
        made = sql("INSERT INTO session DEFAULT VALUES RETURNING id")[0][0]
        sql("INSERT INTO audit (what) VALUES ('came in') RETURNING 1")
        return 303, "", "session=" + made + "; HttpOnly"
    def item(self, body):
        return 201, json.dumps({"id": sql("INSERT INTO item DEFAULT VALUES RETURNING id")[0][0]})
    def change(self, body):
        session = self.headers["Cookie"].rpartition("session=")[2]
        return (self.item(body)[0] if self.headers.get("X-Token") == session else 403), ""
    def hook(self, body):
        said = (self.headers["webhook-id"] + "." + self.headers["webhook-timestamp"] + ".").encode() + body
        signed = base64.b64encode(hmac.new(os.environ["SHOP_HOOK"].encode(), said, "sha256").digest()).decode()
        return 200 if self.headers["webhook-signature"] == "v1," + signed else 401, ""
    def say(self, answer):
        self.send_response(answer[0])
        self.send_header("Set-Cookie", answer[2] if len(answer) > 2 else "form=1; Path=/")
        if answer[0] == 303:
            self.send_header("Location", "/login")
        self.end_headers(); self.wfile.write(answer[1].encode())
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
"""
ACT = """
import json, os, psycopg, sys
WRITING = "-c default_transaction_read_only=off"
with psycopg.connect(os.environ["SHOP_OWNER"], autocommit=True, options=WRITING) as owner:
    for statement in sys.argv[1].split(";"):
        owner.execute(statement)
print(sys.argv[2].replace("ADDRESS", os.environ["SHOP_DB"].replace("clerk:old", "clerk:new")))
"""
CUT = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'clerk'"
FRESH = json.dumps({"SHOP_DB": "ADDRESS", "SHOP_HOOK": "new"})
READ_ONLY = "default_transaction_read_only"
WRITTEN = "INSERT INTO audit (what) VALUES ('did STEP')"


def did(step: str, *statements: str) -> str:
    """Write a step down, and do what it is for."""
    return "; ".join((WRITTEN.replace("STEP", step), *statements))


STEPS = {
    "announce": did("announce"),
    "stop": did("stop", f"ALTER DATABASE shop SET {READ_ONLY} = on", CUT),
    "revoke": did("revoke", "DELETE FROM key"),
    "end": did("end", "DELETE FROM session"),
    "rotate": did("rotate", "ALTER ROLE clerk PASSWORD 'new'", CUT),
    "reopen": did("reopen", f"ALTER DATABASE shop RESET {READ_ONLY}", CUT),
}
DOORS = Doors(
    account=Account(
        page="/login", form={"word": "open"}, csrf_field="csrf", session_cookie="session",
        signed_in=Request(path="/me"), signed_out=303,
    ),
    csrf=Csrf(
        source="/me", token="token:(.*)", header="X-Token",
        mutations=(Request(path="/change", method="POST", expect=201),),
    ),
    keys=Keys(header="X-Key", write="stolen", reading=Request(path="/items")),
    audit=Audit(table="public.audit"),
    webhook=Webhook(path="/hook", secret="${SHOP_HOOK}", body="{}"),
)  # fmt: skip
ITEM = Resource(
    name="item", id_field="id", create=Request(path="/item", method="POST", expect=201), read=Request(path="/items")
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """The server that stands in for production."""
    with postgres() as running:
        execute(running.dsn, "CREATE DATABASE shop", "CREATE ROLE clerk LOGIN PASSWORD 'old'")
        execute(
            database(running, "shop"),
            "CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY)",
            "CREATE TABLE session (id text DEFAULT gen_random_uuid())",
            "CREATE TABLE key AS SELECT 'stolen' AS key",
            "CREATE TABLE audit (at timestamptz DEFAULT now(), what text)",
            "INSERT INTO audit (what) VALUES ('opened')",
            "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO clerk",
        )
        yield running


class Shop:
    """The shop, and what is done about a breach in it."""

    def __init__(self, root: Path, dsn: str) -> None:
        """Write its program."""
        (root / "shop.py").write_text(SHOP)
        (root / "act.py").write_text(ACT)
        self.root, self.dsn = root, dsn

    def breached(
        self, steps: Mapping[str, str] | None = None, fresh: str = FRESH, doors: Doors = DOORS, within_s: float = 60
    ) -> Closed:
        """Go through it, with other statements for some steps; each is written down, if that is not one of them."""
        acts = {
            name: Act(command=(sys.executable, "act.py", statement, fresh), audited=f"did {name}")
            for name, statement in {**STEPS, **(steps or {})}.items()
        }
        declared = Breach(within_s=within_s, operator_env="SHOP_OWNER", secrets=("SHOP_DB", "SHOP_HOOK"), **acts)
        shop = Application(
            start=(sys.executable, "shop.py"), database_env=("SHOP_DB",), health="/health", env={"PORT": "{port}"},
            writes=ITEM,
        )  # fmt: skip
        return breached(self.dsn, declared, shop, doors, self.root)


@pytest.fixture
def shop(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop on that server."""
    address = database(server, "shop")
    monkeypatch.setenv("SHOP_OWNER", address)
    monkeypatch.setenv("SHOP_HOOK", "old")
    monkeypatch.setenv("SHOP_DB", f"postgresql://clerk:old@{address.rpartition('@')[2]}")
    monkeypatch.setenv("TARGET_DATABASE", address)
    return Shop(tmp_path, address)


def test_what_was_stolen_opens_nothing_any_more(shop: Shop) -> None:
    """Each step is timed, who belongs here is back, and the server that was copied knows nothing of it."""
    came = shop.breached()

    assert [] == came.wrong
    assert (5, 2) == (came.ways, came.audited)
    assert [*STEPS] == [span.name for span in came.steps.spans] == [*came.seconds] == [*SENTENCES]
    assert [(step, f"did {step}" in command[2]) for step, command in came.commands.items()] == [
        (step, True) for step in STEPS
    ]
    assert 0 < came.seconds["rotate"] < came.closed_s < came.back_s
    with psycopg.connect(shop.dsn) as connection:
        assert [("stolen",)] == connection.execute("SELECT key FROM key").fetchall()
        assert [("opened",)] == connection.execute("SELECT what FROM audit").fetchall()
        assert ("off",) == connection.execute("SHOW transaction_read_only").fetchone()


def test_all_that_is_forgotten_is_named(shop: Shop) -> None:
    """Each step that does not do what it is for, by what still opens after it."""
    came = shop.breached(
        {
            "stop": did("stop"),
            "revoke": did("revoke"),
            "end": did("end", "DELETE FROM audit WHERE what = 'opened'"),
            "rotate": did("rotate", "ALTER ROLE clerk PASSWORD 'new'"),
        },
        fresh=json.dumps({"SHOP_DB": "ADDRESS"}),
        within_s=0,
    )

    assert {
        "stop": "a write is taken after writes were stopped",
        "stop database": "a new connection of the application's role may write",
        "key after revoke": "opens",
        "session after end": "opens",
        "rotate SHOP_HOOK": "is the same as before",
        "session after rotate": "opens",
        "key after rotate": "opens",
        "open database connection after rotate": "opens",
        "webhook secret after rotate": "opens",
        "session after reopen": "opens",
        "key after reopen": "opens",
        "webhook secret after reopen": "opens",
        "audit log": "1 of 2 entries from before are gone or changed",
    } == {place: what for place, what in came.wrong if place != "within_s"}
    assert "0 are declared" in dict(came.wrong)["within_s"]


def test_whoever_belongs_here_must_come_back(shop: Shop) -> None:
    """A service that stays read-only lets nobody in; an audit log that is empty in the end has lost all of it."""
    came = shop.breached({"reopen": "DELETE FROM audit"})

    assert ["sign-in", "audit log", *(f"audit log {name}" for name in STEPS)] == [place for place, _ in came.wrong]


def test_what_never_opened_proves_nothing(shop: Shop) -> None:
    """Its refusal afterwards would be no news."""
    other = msgspec.structs.replace(DOORS.keys, write="unknown")

    with pytest.raises(CannotTell, match="before anything was done, key is refused"):
        shop.breached(doors=msgspec.structs.replace(DOORS, keys=other))


def test_an_audit_log_without_an_entry_proves_nothing(shop: Shop) -> None:
    """It could not have lost one."""
    with pytest.raises(CannotTell, match="session has no entry"):
        shop.breached(doors=msgspec.structs.replace(DOORS, audit=Audit(table="session")))


@pytest.mark.parametrize("table", ["account", "csrf", "keys", "audit"])
def test_where_nothing_can_be_stolen_nothing_is_proven(table: str) -> None:
    """The drill is SKIPPED, which nothing passes on."""
    declared = releases.load(TREE / "release.toml")
    declared.security.pop(table)

    with pytest.raises(Undeclared, match=f"security.{table}"):
        thief.doors(declared)


def test_every_step_must_be_declared() -> None:
    """Whoever cannot rotate secrets has not dealt with a breach; without the table the drill is SKIPPED."""
    declared = releases.load(TREE / "release.toml")
    declared.backup["drills"]["breach"].pop("rotate")

    with pytest.raises(InputError, match="rotate"):
        declared.section("backup.drills.breach", Breach)
    declared.backup["drills"].pop("breach")
    with pytest.raises(Undeclared, match=r"backup\.drills\.breach"):
        declared.section("backup.drills.breach", Breach)


@pytest.mark.parametrize(
    ("steps", "fresh", "said"),
    [
        ({"announce": "DELETE FROM nothing"}, FRESH, r"(?s)announce: .*\"nothing\" does not exist"),
        ({}, "the new password is in ADDRESS", "rotate: has to print the variables"),
        ({}, FRESH.replace("ADDRESS", "postgresql://clerk:new@production/shop"), "is the address of another"),
    ],
)
def test_a_step_that_fails_is_told(shop: Shop, steps: Mapping[str, str], fresh: str, said: str) -> None:
    """With the words of the release's own command, and never with what it printed."""
    with pytest.raises(AssertionError, match=said) as caught:
        shop.breached(steps, fresh=fresh)

    assert "clerk:new" not in str(caught.value)
