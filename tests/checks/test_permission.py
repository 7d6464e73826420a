"""Nothing is written to, attacked or loaded that its owners did not allow, loopback excepted."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from checks.permission import Need, is_loopback, refusal
from evidence import release as releases


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.8.8.8", True),
        ("http://localhost:1", True),
        ("http://[::1]:80/x", True),
        ("https://staging.example", False),
        ("https://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("http://127.0.0.1@evil.example/", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, *, here: bool) -> None:
    """Names that merely look like it, private networks and no host at all are somebody else's."""
    assert here is is_loopback(url)


@pytest.mark.parametrize("need", ["write", "attack", "load"])
def test_each_need_is_allowed_by_its_own_word(need: Need, release_file: Path) -> None:
    """A deployment is touched only where exactly this is allowed, and the refusal says what to add where."""
    release = releases.load(release_file)
    others = [word for word in ("write", "attack", "load") if word != need]
    allowing = msgspec.structs.replace(release, target={"allow": [need]})
    not_this = msgspec.structs.replace(release, target={"allow": others})

    assert refusal(allowing, need, "https://staging.example") is None
    assert refusal(not_this, need, "http://127.0.0.1") is None
    for one in (release, not_this):
        why = str(refusal(one, need, "https://staging.example"))
        assert why.startswith(f'{release_file}: [target] allow does not have "{need}", so staging.example was not')
