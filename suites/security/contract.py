"""`[security]` of release.toml: what the running release promises. What is not declared is not verified."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from suites.api import Request


class Headers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers whose headers are judged: HTML `pages`, `api` answers that must not be stored, and `more` of any kind.

    Errors and files that pages name are looked at, too. `transport_security` says who sends strict-transport-security:
    where a proxy in front does, a target without it in between cannot be judged.
    """

    pages: tuple[str, ...]
    api: tuple[Request, ...] = ()
    more: tuple[Request, ...] = ()
    transport_security: Literal["application", "proxy"] = "application"


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS, where it is not the target's own: `url` is the address that visitors use, `plain` the same by plain http.

    `ca` is the file of the authority to trust, in place of those that the machine trusts. `preload` says that the host
    is to be in the browsers' list.
    """

    url: str = ""
    plain: str = ""
    ca: str = ""
    preload: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How somebody signs in by a form, and what shows that it worked.

    `csrf_field` is the hidden field of the sign-in page that goes back with the form. `signed_in` is answered with its
    status only to who is signed in; to others with `signed_out`. After `throttled_after` wrong tries in a row the next
    ones are answered `throttled`, whoever they are for.
    """

    page: str
    form: dict[str, str]
    session_cookie: str
    signed_in: Request
    signed_out: int = 401
    sign_out: Request | None = None
    csrf_field: str | None = None
    wrong: dict[str, str] = msgspec.field(default_factory=dict)
    """Form values that differ for a sign-in that must be refused, such as a wrong password."""
    unknown: dict[str, str] = msgspec.field(default_factory=dict)
    """Form values that name somebody who has no account; `{n}` in them is another one in every run."""
    throttled_after: int | None = None
    throttled: int = 429
    longest_session_days: int = 30


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a session ends, by age or by not being used, and the statement that makes one older by `%(seconds)s`.

    The session is found by `%(session)s`, its cookie, or by `%(token)s`, its CSRF token.
    """

    after_s: int
    age: str


class Session(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long sessions count at the server."""

    ends: Annotated[tuple[SessionEnd, ...], msgspec.Meta(min_length=1)]


class Csrf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mutations by cookie that need a token: where a signed-in client finds it, and the header that it goes back in.

    `token` is a pattern with one group that finds the token in the answer to `source`.
    """

    source: str
    token: str
    header: str
    mutations: tuple[Request, ...]


class CrossSite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes that ask for no session, such as signing in: POSTs, since a page of another site can send nothing else.

    Where they need a hidden field, `csrf_field` of `page` has its value, and `"{csrf}"` in a form is where it goes.
    """

    mutations: tuple[Request, ...]
    page: str = ""
    csrf_field: str = ""

    def __post_init__(self) -> None:
        """Refuse what would prove nothing."""
        for each in self.mutations:
            if each.method != "POST":
                msg = f"mutations: {each.method} {each.path} cannot be sent from another site; POST alone can"
                raise ValueError(msg)


class RateLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit per client: `burst` at once, `per_minute` after that; `anonymous` is asked without a credential."""

    request: Request
    anonymous: Request | None = None
    per_minute: int
    burst: int


class Cors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which origins may read `path` from a browser, and may ask for `method` there; `*` is anybody, without cookies.

    `path` is answered `expect` to a GET with these `headers`: a path that is not there says nothing of one that is.
    """

    path: str
    allowed: tuple[str, ...] = ()
    method: str = "PUT"
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    expect: int = 200


class MadeKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How somebody who is signed in makes a key and revokes it: where the answer has the key and its id for `{id}`."""

    create: Request
    revoke: Request
    key_field: str = "key"
    id_field: str = "id"
    value: str = "Bearer {key}"


class AccessRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operations, as `GET /api/items/{id}`, and who may do them; `*` is everybody."""

    roles: tuple[str, ...]
    operations: tuple[str, ...]


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may do what. `roles` are told apart by headers; `session` names the one that signs in by the form.

    `foreign` are ids of objects that the role `owner` has and the role `thief` must not reach; `bodies` are what an
    operation needs for them, with `"{name}"` where such an id goes.
    """

    roles: dict[str, dict[str, str]]
    rules: tuple[AccessRule, ...]
    session: str = ""
    foreign: dict[str, int] = msgspec.field(default_factory=dict)
    owner: str = "other"
    thief: str = "user"
    bodies: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)

    def roles_of(self, operation: str) -> set[str] | None:
        """Who may do it; None where nothing says."""
        rules = [rule for rule in self.rules if operation in rule.operations]
        if not rules:
            return None
        named = {role for rule in rules for role in rule.roles}
        return {*self.roles, self.session} if "*" in named else named


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """API keys by what they may do, as whole values of `header` (`Bearer ${KEY}`)."""

    header: str
    read: str
    write: str
    refused: tuple[str, ...]
    """Expired and revoked ones: each is answered 401."""
    reading: Request
    writing: Request
    made: MadeKey | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Text that is stored and shown again: `create` has `{probe}` where it goes, `page` and `remove` the `{id}`.

    `{n}` in `create` is another number for each probe.
    """

    create: Request
    page: str
    remove: Request
    id_field: str = "id"


class Injection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paths with `{probe}` where hostile text goes: `api` ones answer JSON, `pages` HTML.

    `harmless` is a text that they take, and answer in another way than one that nobody has ever sent; a table of them
    where it is another one for each path.
    """

    api: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    harmless: str | dict[str, str] = "a"
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    stored: tuple[Stored, ...] = ()


class UrlField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request, taken as it is, with a JSON `field` that is an address which the release asks by itself.

    `redirect` is one that it may ask and that leads to `{url}`.
    """

    request: Request
    field: str
    redirect: str = ""


class Ssrf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses that the release asks for others. `listener` is where it would reach us, unless it is on loopback."""

    fields: Annotated[tuple[UrlField, ...], msgspec.Meta(min_length=1)]
    listener: str = ""

    def __post_init__(self) -> None:
        """Refuse a field that the request does not have: an address in it would be read by nobody."""
        for each in self.fields:
            if not isinstance(each.request.json, dict) or each.field not in each.request.json:
                msg = f"fields: the json of {each.request.path} has no field {each.field!r}; mend its name"
                raise ValueError(msg)


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests that are answered as they `expect`: bodies that cannot be read go there, one of `oversized_kib` too."""

    requests: tuple[Request, ...]
    oversized_kib: int = 2048


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An incoming webhook signed as Standard Webhooks says (id, timestamp and signature headers, HMAC-SHA-256)."""

    path: str
    secret: str
    body: str
    accepted: int = 200
    refused: int = 401
    tolerance_s: int = 300


class Mutation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change, and what its entry in the audit log must name beside what `[security.audit] names` lists.

    `made` are fields of its answer, by the name that stands for them from then on: with `{ item = "id" }`, `{item}` in
    a path or a name is that id. `undo` is sent in the end, whatever befell. Where it is `signed_in`, who signs in by
    the form makes it, with the token of `[security.csrf]`.
    """

    request: Request
    names: tuple[str, ...] = ()
    made: dict[str, str] = msgspec.field(default_factory=dict)
    undo: Request | None = None
    signed_in: bool = False


class Audit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes, made in this order with these `headers`, and the request that shows the log, the newest entry first.

    Each leaves an entry that names what `names` lists: who it was. `id_field`, `address_field` and `forged` are fields
    of an entry: which one it is, from where the change came, and what somebody would alter. `seen_from` is our address
    as the release sees it, where we do not connect from it. `table` is where entries are kept, `role` the role of the
    database that the service has. Every operation of the OpenAPI document that changes something is among
    `mutations`, or in `not_made`, as `POST /api/items`, with the reason why it is not.
    """

    mutations: Annotated[tuple[Mutation, ...], msgspec.Meta(min_length=1)]
    log: Request
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    entries: str | None = None
    names: tuple[str, ...] = ()
    not_made: dict[str, str] = msgspec.field(default_factory=dict)
    id_field: str = "id"
    address_field: str = ""
    seen_from: str = ""
    forged: tuple[str, ...] = ("actor",)
    table: str = ""
    role: str = ""
