"""Questions about what is behind a deployment: its database, its backups, its load; no look from outside answers."""

from __future__ import annotations

from suites.init.look import Seen
from suites.init.text import question, table

Lines = list[str]


def blocks(seen: Seen, variable: str) -> list[Lines]:
    """Write them all; environment variables are named beginning with `variable`."""
    return [*_data(variable), *_disaster(variable), *_load(seen)]


def _data(variable: str) -> list[Lines]:
    invariant = {"orders_without_a_customer": "SELECT id FROM orders WHERE customer_id IS NULL"}
    dump = ["pg_dump", "--format=directory", "--jobs=2", "--snapshot={snapshot}", "--file={file}"]
    return [
        question(
            "which PostgreSQL database is behind it? Put a superuser's address into a variable, and name that as "
            f"`database_env` in [target], such as {variable}_DATABASE_URL.",
            table("database", {"role": "the_application"}),
            table("database.invariants", invariant),
        ),
        question(
            "which commands back it up, so that drills can restore it?",
            table("backup", {"dump": dump, "globals": ["pg_dumpall", "--globals-only", "--file={file}"]}),
        ),
    ]


def _disaster(variable: str) -> list[Lines]:
    """What becomes of the data, and of the application, when the database is gone."""
    application = {"start": ["./serve.sh"], "health": "/health", "database_env": ["DATABASE_URL"]}
    body = {"path": "/api/items", "method": "POST", "json": {"name": "x"}, "expect": 201}
    own = {"path": "/srv/backups/nightly-*.sql.gz", "newest": "SELECT max(created_at) FROM orders"}
    breach = {"within_s": 300, "operator_env": f"{variable}_OPERATOR_DATABASE_URL", "secrets": ["DATABASE_URL"]}
    steps = ("announce", "stop", "revoke", "end", "rotate", "reopen")
    told = {"records": "docs/dr", "webhook_env": f"{variable}_WEBHOOK", "heartbeat_env": f"{variable}_HEARTBEAT"}
    return [
        question(
            "how is the application started on a restored copy, and what may be written to it meanwhile?",
            table("backup.application", application),
            table("backup.application.writes", {"name": "item", "id_field": "id"}),
            table("backup.application.writes.create", body),
            table("backup.application.writes.read", {"path": "/api/items/{id}"}),
        ),
        question(
            "where do the backups lie that are made anyway, and which statement tells the moment of the newest row?",
            table("backup.own", own),
        ),
        question(
            "is there a standby, how does the application find it, and which command starts the version before this?",
            table("backup.drills.failover", {"application": "restart"}),
            table("backup.drills.rollback", {"previous": ["./serve.sh", "previous"]}),
        ),
        question(
            "which commands stop writes, revoke keys, end sessions and make secrets anew when somebody has broken in?",
            table(
                "backup.drills.breach",
                {**breach, **{step: {"command": ["./breach.sh", step], "audited": f"breach.{step}"} for step in steps}},
            ),
        ),
        question(
            "which command copies the backups to another region, and how many hours lie between two copies?",
            table("backup.drills.region", {"copy": ["./offsite.sh", "{store}", "{offsite}"], "every_h": 168}),
        ),
        question("where are the records of the monthly drill, and who is told?", table("backup.dr", told)),
    ]


def _load(seen: Seen) -> list[Lines]:
    healthy = {answer.path for answer in seen.health}
    good = [each.path for each in (*seen.examples, *seen.pages) if each.status == 200 and each.path not in healthy]
    paths = good[:3] or ["/"]
    requests = [table("[load.requests]", {"name": path.strip("/") or "start", "path": path}) for path in paths]
    whole = table("load", {"rate_per_s": 20, "warmup_s": 5, "duration_s": 15, "longest_s": 60})
    instances = {"rate_per_s": 200, "command": ["./instances.sh"]}
    return [
        question("how many requests a second arrive at the busiest hour, and which?", whole, *requests),
        question(
            "where does the last promoted release run, to be asked in turns?",
            table("load.baseline", {"url": "https://previous.shop.example"}),
        ),
        question("what tells how many instances run, if a ramp must raise that?", table("load.instances", instances)),
        question("from how many bytes on are answers compressed?", table("load.compression", {"at_least_bytes": 1024})),
    ]
