"""Questions about `[security]` that no look from outside answers: who may do what, and what becomes of what is sent."""

from __future__ import annotations

from suites.init.text import question, table

Lines = list[str]
AGE = "UPDATE sessions SET expires_at = expires_at - make_interval(secs => %(seconds)s) WHERE id = %(session)s"


def blocks(variable: str) -> list[Lines]:
    """Write them all; environment variables are named beginning with `variable`."""
    return [*_who(variable), *_sent(variable), *_told(variable)]


def _who(variable: str) -> list[Lines]:
    """Who may do what, for how long, and by way of whom."""
    roles = {
        name: {"Authorization": f"Bearer ${{{variable}_KEY_{name.upper()}}}"} for name in ("user", "other", "admin")
    }
    access = {"roles": {"anonymous": {}, **roles}, "foreign": {"item_id": 2}}
    rule = {"roles": ["user", "other", "admin"], "operations": ["GET /api/items/{item_id}"]}
    mutation = {"path": "/login", "method": "POST", "form": {"email": f"${{{variable}_USER}}"}}
    return [
        question(
            "who may do each operation, and which object of `other` must `user` not reach?",
            table("security.access", access),
            table("[security.access.rules]", rule),
        ),
        question(
            "which changes need no session, such as signing in? Pages of other sites must not make them.",
            table("[security.cross_site.mutations]", mutation),
        ),
        question(
            "how long does a session count at the server, and which statement makes one older?",
            table("[security.session.ends]", {"after_s": 43200, "age": AGE}),
        ),
        question(
            "where is TLS, if not at the target's own address?",
            table("security.tls", {"url": "https://shop.example", "plain": "http://shop.example"}),
        ),
    ]


def _sent(variable: str) -> list[Lines]:
    """Where what somebody sends goes."""
    key = {"Authorization": f"Bearer ${{{variable}_KEY_WRITE}}"}
    body = {"path": "/api/items", "method": "POST", "headers": key, "json": {"name": "x"}, "expect": 201}
    stored = {"page": "/items/{id}", "create": {**body, "json": {"name": "{probe}"}}}
    remove = {"path": "/api/items/{id}", "method": "DELETE", "headers": key, "expect": 204}
    link = {**body, "path": "/api/links", "json": {"url": "https://shop.example/"}, "expect": 200}
    return [
        question(
            "which requests take JSON? Bodies that cannot be read are sent there.",
            table("security.input", {"requests": [body]}),
        ),
        question(
            "where is text stored that a page shows to others, and how is it removed again?",
            table("[security.injection.stored]", {**stored, "remove": remove}),
        ),
        question(
            "which fields are addresses that the release asks by itself?",
            table("[security.ssrf.fields]", {"field": "url", "request": link}),
        ),
    ]


def _told(variable: str) -> list[Lines]:
    """What it takes and writes down for others."""
    webhook = {"path": "/webhooks", "secret": f"${{{variable}_WEBHOOK_SECRET}}", "body": '{"id": 1}'}
    audit = table("security.audit", {"names": [f"${{{variable}_USER}}"]})
    change = {"path": "/api/items/1", "method": "PUT", "json": {"name": "x"}}
    mutation = table("[security.audit.mutations]", {"names": ["item:1"], "request": change})
    show = {
        "show": ["./stage.sh", "env"],
        "required": ["DATABASE_URL"],
        "secrets": ["SECRET_KEY"],
        "databases": ["DATABASE_URL"],
    }
    return [
        question("does it take webhooks, signed as Standard Webhooks says?", table("security.webhook", webhook)),
        question(
            "where is the audit log, and what must be in it? Which changes are not made, to look for them there?",
            audit,
            table("security.audit.log", {"path": "/api/audit"}),
            table("security.audit.not_made", {"POST /api/links": "it changes nothing"}),
            mutation,
        ),
        question("which command prints the variables that it runs with?", table("security.configuration", show)),
    ]
