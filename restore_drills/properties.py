"""What a database is beside its content: whose it is, who may do what with it, how it is set and how it sorts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

OWN = """
    SELECT CASE WHEN o.rolsuper THEN 'a superuser' ELSE quote_ident(o.rolname) END, d.datconnlimit::text,
           shobj_description(d.oid, 'pg_database'), pg_encoding_to_char(d.encoding), d.datlocprovider::text,
           d.datcollate::text, d.datctype::text, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
           to_jsonb(d) ->> 'daticurules'
    FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba WHERE d.datname = current_database()
"""
"""Superusers are all the same: each may do anything, and every server of ours has one with a name of its own."""
PRIVILEGES = """
    SELECT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
           string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN ' (may grant it)' ELSE '' END, ', ' ORDER BY 1)
    FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
    LEFT JOIN pg_roles r ON r.oid = x.grantee
    WHERE d.datname = current_database() AND NOT coalesce(r.rolsuper, false) GROUP BY 1
"""
SETTINGS = """
    SELECT unnest(s.setconfig), CASE WHEN s.setdatabase = 0 THEN 'ALL' ELSE quote_ident(r.rolname) END
    FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
    WHERE d.datname = current_database() OR (s.setdatabase = 0 AND s.setrole = 0)
"""
"""What is set for all roles in every database (`ALTER ROLE ALL SET`) is told with each: pg_dumpall leaves it out."""
RESORTED = """
    SELECT 'the database', datcollversion, pg_database_collation_actual_version(oid)
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT quote_ident(collname), collversion, pg_collation_actual_version(oid)
    FROM pg_collation WHERE oid IN (SELECT attcollation FROM pg_attribute)
"""
LOCALE = "locale"
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
HIDDEN = "sha256:"
"""Settings hold secrets (keys that policies read), and comments whatever people write: neither is quoted anywhere."""


def properties(connection: psycopg.Connection) -> dict[str, str]:
    """Name what the database is, apart from its name: the same on two servers where both serve alike."""
    row = connection.execute(OWN).fetchone()
    assert row is not None
    owner, limit, comment, encoding, provider, *names = row
    locale = " ".join([PROVIDERS.get(str(provider), "unknown"), *(str(name) for name in names if name)])
    told = {"owner": str(owner), "connection limit": str(limit), "encoding": str(encoding), LOCALE: locale}
    if comment is not None:
        told["comment"] = _hidden(str(comment))
    told |= {f"privileges of {who}": what for who, what in connection.execute(PRIVILEGES)}
    for setting, role in connection.execute(SETTINGS):
        name, _, value = setting.partition("=")
        told[f"setting {name} of role {role}" if role else f"setting {name}"] = _hidden(value)
    return told


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name each property that is not as it was, and say how."""
    if not before:
        yield "properties", "were not recorded with this backup; take a new one"
        return
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was != now:
            yield name, _said(was, now)


def resorted(connection: psycopg.Connection) -> list[str]:
    """Say which indexes of restored data files this machine's library would look into in another order."""
    return [
        f"{what} was sorted by version {was} of its collation, and here it is {here}: REINDEX, or use the same library"
        for what, was, here in connection.execute(RESORTED)
        if was is not None and was != here
    ]


def sorts(connection: psycopg.Connection, locale: str) -> bool:
    """Tell whether this server could have a database of that locale; nothing is left of the attempt."""
    provider, collate, ctype, *own = locale.split()
    tried = [sql.SQL("PROVIDER = libc, LC_COLLATE = {}, LC_CTYPE = {}").format(collate, ctype)]
    if own:
        tried.append(sql.SQL("PROVIDER = {}, LOCALE = {}").format(sql.Identifier(provider), own[0]))
    try:
        for each in tried:
            connection.execute(sql.SQL("CREATE COLLATION pg_temp.attempt ({})").format(each))
            connection.execute("DROP COLLATION pg_temp.attempt")
    except psycopg.Error:
        return False
    finally:
        connection.rollback()
    return True


def _said(was: str | None, now: str | None) -> str:
    if now is None:
        return "is lost"
    if was is None:
        return "is new"
    return "is another one" if was.startswith(HIDDEN) else f"{was} became {now}"


def _hidden(value: str) -> str:
    return f"{HIDDEN}{hashlib.sha256(value.encode()).hexdigest()}"
