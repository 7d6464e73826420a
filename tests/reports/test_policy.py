"""A policy is well-formed to the last key, or nothing is judged by it; each error is one line with its mend."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from checks import catalogue
from evidence.errors import InputError
from reports import policy
from reports.limits import Kind, Limit
from reports.policy import Rule
from tests.reports.world import CATALOGUE

TREE = Path(__file__).parents[2]
TOP = 'schema = 1\nmax_age = "24 h"\n\n'
REST = "\n[rules.CSRF-001]\n[rules.DEPS-001]\n"
RULE = f"{TOP}[rules.LOAD-001]\nmax = {{ p95_ms = 100 }}\n"
NEEDS_DURATION = 'is not a duration; write a whole number and s, min, h or d, such as "24 h"'
ERRORS: dict[str, tuple[str, str]] = {
    "no TOML": ("schema = \n", " is not valid TOML: Invalid value (at line 1, column 10)"),
    "a table twice": (
        f"{RULE}[rules.LOAD-001]\n{REST}",
        " is not valid TOML: Cannot declare ('rules', 'LOAD-001') twice (at line 6, column 16)",
    ),
    "empty": ("", " schema: this gate reads schema = 1"),
    "another schema": ("schema = 2\n", "1: schema = 2: this gate reads schema = 1"),
    "schema that is true": ("schema = true\n", "1: schema = true: this gate reads schema = 1"),
    "no age": ("schema = 1\n", f" max_age: {NEEDS_DURATION.replace('is not a duration', 'is missing')}"),
    "no rules": (TOP, " rules: must be a table with something in it"),
    "an empty table of rules": (f"{TOP}[rules]\n", "4: rules = {}: must be a table with something in it"),
    "a rule that is none": (
        f"{TOP}[rules]\nLOAD-001 = 1\nCSRF-001 = 1\nDEPS-001 = 1\n",
        "5: [rules.LOAD-001] = 1: a rule is a table",
    ),
    "unknown key above": (f"shcema = 1\n{TOP}{REST}", '1: shcema = 1: unknown key; did you mean "schema"?'),
    "unknown key": (
        f"{RULE}min_sample = 5\n{REST}",
        '6: [rules.LOAD-001] min_sample = 5: unknown key; did you mean "min_samples"?',
    ),
    "unknown key, nothing near": (
        f"{RULE}zzz = 5\n{REST}",
        f"6: [rules.LOAD-001] zzz = 5: unknown key; known are {', '.join(policy.KEYS)}",
    ),
    "a rule without a check": (
        f"{RULE}{REST}\n[rules.LAOD-001]\n",
        '10: [rules.LAOD-001]: no check has this id; did you mean "LOAD-001"?',
    ),
    "checks without a rule": (
        RULE,
        " no rule for CSRF-001, DEPS-001; add a table [rules.CSRF-001], empty if need be",
    ),
    **{
        f"a duration of {value}": (
            f"{RULE}max_age = {value}\n{REST}",
            f"6: [rules.LOAD-001] max_age = {value}: {NEEDS_DURATION}",
        )
        for value in ('"7 days"', '"7d"', '"0 h"', '"-1 h"', '"1.5 h"', '"24"', '"24 h "', "24", "true")
    },
    **{
        f"a limit of {value}": (
            f"{TOP}[rules.LOAD-001]\nmax = {{ p95_ms = {value} }}\n{REST}",
            f"5: [rules.LOAD-001] max.p95_ms = {shown}: a limit is a finite number",
        )
        for value, shown in (("nan", "NaN"), ("inf", "Infinity"), ('"100"', '"100"'), ("true", "true"), ("[1]", "[1]"))
    },
    "a limit beyond all numbers": (
        f"{TOP}[rules.LOAD-001]\nmax = {{ p95_ms = 1{'0' * 400} }}\n{REST}",
        f"5: [rules.LOAD-001] max.p95_ms = 1{'0' * 59}…: a limit is a finite number",
    ),
    "a limit in a table of its own": (
        f"{TOP}[rules.LOAD-001.max]\n# p95 of what users see\np95_ms = nan\n{REST}",
        "6: [rules.LOAD-001] max.p95_ms = NaN: a limit is a finite number",
    ),
    "no limit in max": (
        f"{TOP}[rules.LOAD-001]\nmax = {{}}\n{REST}",
        "5: [rules.LOAD-001] max = {}: must be a table with something in it",
    ),
    "max that is no table": (
        f"{TOP}[rules.LOAD-001]\nmax = 100\n{REST}",
        "5: [rules.LOAD-001] max = 100: must be a table with something in it",
    ),
    "a warning that is no narrower": (
        f"{RULE}warn = {{ max = {{ p95_ms = 100 }} }}\n{REST}",
        "6: [rules.LOAD-001] warn.max.p95_ms = 100: a warning is narrower than its limit, 100",
    ),
    "a warning beyond its limit": (
        f"{TOP}[rules.LOAD-001]\nmin = {{ ok_ratio = 0.98 }}\nwarn = {{ min = {{ ok_ratio = 0.9 }} }}\n{REST}",
        "6: [rules.LOAD-001] warn.min.ok_ratio = 0.9: a warning is narrower than its limit, 0.98",
    ),
    "a warning of another name": (
        f"{RULE}warn = {{ max = {{ p59_ms = 80 }} }}\n{REST}",
        '6: [rules.LOAD-001] warn.max.p59_ms = 80: there is no max of this name to warn before; did you mean "p95_ms"?',
    ),
    "a warning without a limit": (
        f"{TOP}[rules.LOAD-001]\nwarn = {{ min = {{ p95_ms = 80 }} }}\n{REST}",
        "5: [rules.LOAD-001] warn.min.p95_ms = 80: there is no min of this name to warn before; none is known",
    ),
    "a warning that equals": (
        f"{RULE}warn = {{ equals = {{ p95_ms = 80 }} }}\n{REST}",
        '6: [rules.LOAD-001] warn.equals = {"p95_ms": 80}: unknown key; known are max, min',
    ),
    "an empty warning": (
        f"{RULE}warn = {{}}\n{REST}",
        "6: [rules.LOAD-001] warn = {}: must be a table with something in it",
    ),
    **{
        f"{value} samples": (
            f"{RULE}min_samples = {value}\n{REST}",
            f"6: [rules.LOAD-001] min_samples = {value}: is a whole number, 1 or more",
        )
        for value in ("0", "-1", "1.5", "true", '"many"')
    },
    "optional without a reason": (
        f"{RULE}required = false\n{REST}",
        '6: [rules.LOAD-001] required = false: needs a reason = "…": why the release may go without it',
    ),
    "optional for no reason": (
        f'{RULE}required = false\nreason = " "\n{REST}',
        '6: [rules.LOAD-001] required = false: needs a reason = "…": why the release may go without it',
    ),
    "a reason for what is required": (
        f'{RULE}reason = "it is slow"\n{REST}',
        '6: [rules.LOAD-001] reason = "it is slow": goes with required = false; remove one or add the other',
    ),
    "required that is a word": (
        f'{RULE}required = "no"\n{REST}',
        '6: [rules.LOAD-001] required = "no": is true or false',
    ),
}


def loaded(tmp_path: Path, text: str) -> policy.Policy:
    """Load this text as a policy for the small world."""
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return policy.load(path, CATALOGUE)


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS)
def test_a_wrong_policy_is_one_line_with_its_mend(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake is refused before anything is judged, and names file, line, key, value and the nearest word."""
    with pytest.raises(InputError) as refused:
        loaded(tmp_path, text)

    assert f"{tmp_path / 'policy.toml'}:{message}" == str(refused.value)


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and a file of bytes are each one line."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name, says in (
        ("none.toml", r"cannot be read \(No such file or directory\); name another with --policy"),
        ("", r"cannot be read \(Is a directory\)"),
        ("bytes.toml", "is not valid TOML: 'utf-8' codec can't decode"),
    ):
        with pytest.raises(InputError, match=f"{re.escape(str(tmp_path / name))}: {says}"):
            policy.load(tmp_path / name, CATALOGUE)


def test_a_whole_policy_is_read(tmp_path: Path) -> None:
    """Every key arrives where it belongs, in the file's order; what is not given is the default."""
    read = loaded(
        tmp_path,
        f"{TOP}[rules.DEPS-001]\nrequired = false\nreason = 'offline'\nmax_age = '7 d'\n[rules.CSRF-001]\n"
        "[rules.LOAD-001]\nmax = { p95_ms = 100 }\nmin = { ok_ratio = 0.9 }\nequals = { failed_total = 0 }\n"
        "warn = { max = { p95_ms = 80 }, min = { ok_ratio = 0.95 } }\nmin_samples = 100\nrequired = true\n",
    )
    day = dt.timedelta(hours=24)

    assert (
        Rule(
            check="DEPS-001", limits=(), warnings=(), min_samples=0, max_age=7 * day, required=False, reason="offline"
        ),
        Rule(check="CSRF-001", limits=(), warnings=(), min_samples=0, max_age=day, required=True, reason=""),
        Rule(
            check="LOAD-001",
            limits=(
                Limit(Kind.MAX, "p95_ms", 100.0),
                Limit(Kind.MIN, "ok_ratio", 0.9),
                Limit(Kind.EQUALS, "failed_total", 0.0),
            ),
            warnings=(Limit(Kind.MAX, "p95_ms", 80.0), Limit(Kind.MIN, "ok_ratio", 0.95)),
            min_samples=100,
            max_age=day,
            required=True,
            reason="",
        ),
    ) == read.rules


@pytest.mark.parametrize(
    ("text", "seconds"), [("30 s", 30), ("5 min", 300), ("24 h", 86400), ("7 d", 604800), ("999999 d", 86399913600)]
)
def test_durations(tmp_path: Path, text: str, seconds: int) -> None:
    """Each unit is read, up to ages beyond any release."""
    read = loaded(tmp_path, f'schema = 1\nmax_age = "{text}"\n[rules.LOAD-001]\n{REST}')

    assert dt.timedelta(seconds=seconds) == read.rules[0].max_age


def test_this_repository_has_one_rule_for_each_check() -> None:
    """The default policy fits the checks that there are, and only what a bare machine cannot see is optional."""
    rules = policy.load(TREE / "policy.toml", catalogue.read(TREE)).rules

    assert ["DEPS-001", "SMOKE-012"] == [rule.check for rule in rules if not rule.required]
