"""What is kept of a drill can be read again by people, machines and the gate, whatever others wrote into it."""

from __future__ import annotations

import datetime as dt
import html.parser
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evidence.errors import CannotTell, InputError
from evidence.release import Release, Source
from restore_drills import drill_dr_record
from restore_drills.dr import notify
from restore_drills.dr.contract import Dr, amount
from restore_drills.dr.markdown import markdown
from restore_drills.dr.page import page
from restore_drills.dr.record import Record, Step, actions, kept, line, newest, read

NINE = dt.datetime(2026, 11, 3, 9, tzinfo=dt.UTC)
HOSTILE = "x --> <script>alert(1)</script> | `` ``` [a](javascript:b) \x1b[31m\u202e\n# head"
STEP = Step(name="fail", sentence="Take it away.", began=NINE, seconds=2.5, commands=("psql --command='SELECT 1'",))


def record(**fields: Any) -> Record:  # noqa: ANN401 - any field of it
    """Make one up that passed."""
    given: dict[str, Any] = {
        "release": "shop", "version": "2", "started": NINE, "finished": NINE + dt.timedelta(minutes=4),
        "outcome": "passed", "steps": (STEP,), "backup": "B-1", "rows": 12345, "bytes": 20_500_000, "rto_s": 61.5,
        "rpo_s": 0.0, "actions": ("drill again by 2026-12-04",),
    }  # fmt: skip
    return Record(**{**given, **fields})


GOOD = f"""\
# Disaster-recovery drill, 2026-11-03: PASSED

{line(record())}

- shop 2, from 09:00:00 to 09:04:00 UTC
- backup B-1: 12,345 rows, 20.5 MB when restored
- recovery time: 61.5 s, from the failure to the first write that was read again
- lost: 0.0 s of acknowledged writes (writing had been stopped before the backup)

## Steps

| step | began (UTC) | took | |
| --- | --- | --- | --- |
| fail | 09:00:00 | 2.5 s | done |

## Findings

None.

## Actions

- [ ] drill again by 2026-12-04

## What was run

### fail

Take it away.

```sh
psql --command='SELECT 1'
```
"""


def test_the_record_for_people() -> None:
    """The whole text, as it is kept."""
    assert markdown(record()) == GOOD


def test_a_record_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """Also with text of others in it, and a second one of the same day does not overwrite the first."""
    hostile = record(
        release=HOSTILE, store=HOSTILE, findings=(HOSTILE,), steps=(msgspec.structs.replace(STEP, commands=(HOSTILE,)),)
    )
    first = kept(tmp_path, record(), markdown(record()))
    second = kept(tmp_path, hostile, markdown(hostile))

    assert ["2026-11-03-090400.md", "2026-11-03.md"] == sorted(path.name for path in tmp_path.iterdir())
    assert (record(), hostile) == (read(first), read(second))
    with pytest.raises(InputError, match="already holds a record"):
        kept(tmp_path, hostile, "")


class Elements(html.parser.HTMLParser):
    """Takes down what a browser would open."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take one down."""
        del attrs
        self.seen.append(tag)


def test_text_of_others_is_no_markup() -> None:
    """In Markdown every mark is escaped, no comment ends, no code block ends; in HTML no element is opened."""
    hostile = record(
        release=HOSTILE, store=HOSTILE, findings=(HOSTILE,), steps=(msgspec.structs.replace(STEP, commands=(HOSTILE,)),)
    )
    text = markdown(hostile)
    elements = Elements()
    elements.feed(page(hostile))

    assert 1 == text.count("-->") - text.count("\\-->") - text.count("x --> <script>alert(1)</script> | `` ```")
    assert "\\<script\\>" in text
    assert "````sh\n" in text
    assert not {"\x1b", "\u202e"} & set(text)
    assert ("script" in elements.seen, "a" in elements.seen, "p" in elements.seen) == (False, False, True)


def test_the_newest_is_the_one_that_ended_last(tmp_path: Path) -> None:
    """Neither a file's name nor its time says when a drill was."""
    older = record(finished=NINE + dt.timedelta(minutes=1))
    (tmp_path / "2027-01-01.md").write_text(markdown(older))
    (tmp_path / "2026-01-01.md").write_text(markdown(record()))
    (tmp_path / "README.md").write_text("no record")

    assert (tmp_path / "2026-01-01.md", record()) == newest(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "holds no record of a drill"),
        ("# A drill\n", "has 0 lines that begin with"),
        (f"{line(record())}\n{line(record())}\n", "has 2 lines that begin with"),
        ('<!-- dr-drill {"release": 7} -->\n', r"Expected `str`, got `int` - at `\$\.release`"),
        (line(record()).replace('"passed"', '"fine"'), r"Invalid enum value 'fine' - at `\$\.outcome`"),
        (line(record()).replace('"rto_s": 61.5', '"rto_s": -1'), "rto_s"),
        (line(record()).replace("09:00:00Z", "09:00:00"), "timezone"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    """By file and field: what cannot be read is never passed over for an older one."""
    (tmp_path / "2026-10-01.txt").write_text(markdown(record()))
    if text is not None:
        (tmp_path / "2026-10-01.md").write_text(markdown(record()))
        (tmp_path / "2026-11-01.md").write_text(text)

    with pytest.raises(InputError, match=said):
        newest(tmp_path)


def judged(folder: Path, one: Record) -> tuple[dt.datetime, dict[str, float]]:
    """Ask the check about one record; give what it says of date and numbers."""
    (folder / "2026-11-03.md").write_text(markdown(one))
    release = Release(
        name="shop", version="3", source=Source(paths=()), backup={"dr": {"records": "."}}, path=folder / "release.toml"
    )
    dates: list[dt.datetime] = []
    measured: dict[str, float] = {}
    drill_dr_record.drill_last_rehearsal_passed(release, dates.append, measured.update)
    return dates[0], measured


def test_a_rehearsal_that_passed_counts(tmp_path: Path) -> None:
    """Its date is the record's own, for the gate to hold against what the policy allows."""
    assert (NINE + dt.timedelta(minutes=4), {"rto_s": 61.5, "steps_total": 1}) == judged(tmp_path, record())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcome": "failed", "findings": ("no roles",)}, "the last rehearsal failed: no roles"),
        ({"release": "another"}, "is of 'another', not of 'shop'"),
        ({"steps": ()}, "has no step"),
        ({"steps": (msgspec.structs.replace(STEP, outcome="not reached"),)}, "did not come through fail"),
        ({"rto_s": None}, "not how long the recovery took"),
    ],
)
def test_a_rehearsal_that_failed_fails(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    """Also one that says that it passed and did not come through, and one of another system."""
    with pytest.raises(AssertionError, match=said):
        judged(tmp_path, record(**fields))


def test_a_rehearsal_that_proved_nothing_is_no_pass(tmp_path: Path) -> None:
    """It is not the release's fault either."""
    with pytest.raises(CannotTell, match="proved nothing: no hook"):
        judged(tmp_path, record(outcome="undecided", findings=("no hook",)))


def test_findings_become_actions() -> None:
    """Each is mended by somebody, and drilled again in a week; without one in a month."""
    assert actions((), "passed", NINE) == ("drill again by 2026-12-04",)
    assert actions(("a\nb",), "failed", NINE) == (
        "mend, and name an owner: a b", "drill again by 2026-11-10, with what was mended",
    )  # fmt: skip
    assert actions((), "failed", NINE) == ("drill again by 2026-11-10, with what was mended",)


@pytest.mark.parametrize("fields", [{"size": "200GB"}, {"size": "many GB"}, {"target": "30 GB"}, {"recrods": "x"}])
def test_what_cannot_be_meant_is_refused(fields: dict[str, str]) -> None:
    """A size and a time have their own units, and a key with a typo is none."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, Dr)
    assert (1.5e9, 90) == (amount("1.5 GB"), amount("1.5 min"))


class Listener(http.server.BaseHTTPRequestHandler):
    """Keeps what it was sent, and answers as it is told."""

    sent: tuple[tuple[str, str, Any], ...] = ()
    answers: tuple[int, ...] = ()

    def do_POST(self) -> None:
        """Take a message."""
        body = msgspec.json.decode(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        kind = type(self)
        kind.sent = (*kind.sent, (self.command, self.path, body))
        answer, kind.answers = (kind.answers or (200,))[0], kind.answers[1:]
        self.send_response(answer)
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - as http.server asks for it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Listener]]:
    """A webhook and a dead man's switch on loopback, whose secret address stands in HOOK."""
    kind = type("Own", (Listener,), {"sent": (), "answers": ()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{server.server_port}/T0/secret")
        yield kind
        server.shutdown()


def test_people_and_the_switch_are_told(listener: type[Listener]) -> None:
    """The message as Slack takes it, in which nobody is called and no link is hidden; the switch is only pinged."""
    assert [""] * 2 == [notify.post("HOOK", "a <!channel> & b"), notify.ping("HOOK")]
    assert listener.sent == (
        ("POST", "/T0/secret", {"text": "a &lt;!channel&gt; &amp; b"}), ("GET", "/T0/secret", None),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "said", "asked"),
    [
        ((503, 503, 200), "", 3),
        ((503, 503, 503), "the address in HOOK answers 503", 3),
        ((404,), "the address in HOOK answers 404", 1),
    ],
)
def test_a_webhook_that_is_down_is_asked_again(
    listener: type[Listener], answers: tuple[int, ...], said: str, asked: int
) -> None:
    """Three times where it may come back, once where it will not; and what is said never holds the address."""
    listener.answers = answers

    assert said == notify.post("HOOK", "x")
    assert asked == len(listener.sent)


def test_a_webhook_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not set, not reached, and no address at all: one sentence without the secret, and no drill breaks of it."""
    for address in ("http://127.0.0.1:9/secret", "http://[secret", "secret"):
        monkeypatch.setenv("HOOK", address)
        assert "secret" not in notify.post("HOOK", "x")
        assert notify.post("HOOK", "x").startswith("the address in HOOK was not reached (")
    monkeypatch.delenv("HOOK")
    assert notify.post("HOOK", "x") == "the variable HOOK, which [backup.dr] names, is not set"
