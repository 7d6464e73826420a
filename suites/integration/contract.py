"""The tables of release.toml that the integration checks read."""

from __future__ import annotations

import msgspec

from suites.api import Request


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[health]`: every health path, which of them must follow a dependency, and which must not.

    `dependencies` maps a name to the path that follows it. Its hooks, in `[target.hooks]`, are `NAME_down` and
    `NAME_up`, and where that can be done `NAME_pause` and `NAME_resume`, and `NAME_slow` (it answers, but what is asked
    of it waits) and `NAME_fast`. `database` is short for one of that name.
    """

    paths: tuple[str, ...]
    database: str | None = None
    dependencies: dict[str, str] = msgspec.field(default_factory=dict)
    alive: tuple[str, ...] = ()
    """The paths that stay at 200 whatever happens to a dependency, so that nobody restarts the release for it."""
    within_s: float = 5.0
    """How soon a path must tell that its dependency is gone, or back; and answer at all."""

    @property
    def follows(self) -> dict[str, str]:
        """The path that follows each dependency."""
        return {**({"database": self.database} if self.database else {}), **self.dependencies}


class Resource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of object: made, read, changed, removed. `{id}` in a path is `id_field` of what was made."""

    name: str
    id_field: str
    create: Request
    read: Request
    update: Request
    delete: Request


class Totals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object whose `total` must be the sum of quantity times the sum of `parts`, over its `lines`."""

    create: Request
    add_line: Request
    read: Request
    id_field: str
    lines: str
    quantity: str
    parts: tuple[str, ...]
    total: str
    delete: Request | None = None


class Generated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api.generated]`: requests that schemathesis makes from the document.

    Without `max_examples` only those that cover each parameter's limits, which are the same every time. Methods that
    change something belong to a throw-away account. `not_reached` says why an operation answers only 401, 403 or 404.
    """

    headers: dict[str, str] = msgspec.field(default_factory=dict)
    methods: tuple[str, ...] = ("GET",)
    max_examples: int = 0
    seed: int = 1
    within_s: int = 90
    rate_limit: str = ""
    not_reached: dict[str, str] = msgspec.field(default_factory=dict)


class Api(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api]`: the OpenAPI document, requests whose answers must match it, and objects to make and remove.

    `openapi_before` is a file, the document of the last promoted release: that run's attachment.
    """

    openapi: str
    openapi_before: str | None = None
    examples: tuple[Request, ...] = ()
    resources: tuple[Resource, ...] = ()
    totals: Totals | None = None
    generated: Generated | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement, and the index that PostgreSQL must use for it."""

    sql: str
    index: str


class Migrations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The commands that migrate an empty database forward and all the way back.

    `url_env` is the variable that they take its address from. `undo` takes back what this release adds, and `drift`
    fails where the models ask for another schema than the database has.
    """

    forward: tuple[str, ...]
    back: tuple[str, ...]
    url_env: str
    env: dict[str, str] = msgspec.field(default_factory=dict)
    drift: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Patterns of SQL files, in whose order of names they are applied; `released` is the last promoted one's name."""
    released: str = ""
    in_transaction: bool = True
    undo: tuple[str, ...] = ()
    traffic: dict[str, str] = msgspec.field(default_factory=dict)
    """Statements, by name, that the release's own role runs all day; each must be answered `within_ms`."""
    within_ms: int = 1000
    copy_max_mb: int = 1000


class Costly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request, and how many statements it may run. Each is sent once: one that a cache answers costs nothing."""

    request: Request
    max_queries: int


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The application's connections: how many each of its instances may hold, and a request that needs one."""

    max: int
    instances: int = 1
    request: Request


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[security.configuration]`: a command that prints the running release's variables as NAME=VALUE, and their names.

    `databases` hold PostgreSQL addresses. All three lists must be set.
    """

    show: tuple[str, ...]
    required: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()


class RowSecurity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[database.row_security]`: tables in which people see their own rows only.

    `identity` tells the database who asks, as the application does; `user` and `other` are statements that return the
    `{id}` of two people who share no row.
    """

    tables: tuple[str, ...]
    identity: str
    user: str
    other: str


class Database(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[database]`: what must hold in it. `invariants` are statements, by name, that must return no row.

    `role` is the application's own. No request of `requests` may read more than `scan_rows` rows of a table by scanning
    the whole of it. `statistics` is the database with pg_stat_statements, where that is another one.
    """

    role: str | None = None
    requests: tuple[Costly, ...] = ()
    scan_rows: int = 1000
    statistics: str | None = None
    invariants: dict[str, str] = msgspec.field(default_factory=dict)
    plans: tuple[Plan, ...] = ()
    migrations: Migrations | None = None
    pool: Pool | None = None
    row_security: RowSecurity | None = None
