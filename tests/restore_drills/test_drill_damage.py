"""Each way to damage a file damages it, and leaves it whole; an application that does not come up is the release's."""

from __future__ import annotations

import os
import sys
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from restore_drills.application import Application, Request, ask, started
from restore_drills.damage import LABEL, OF_A_BASE_BACKUP, WAYS, exchanged, spoiled, twin

COPY = "host=127.0.0.1 port=4711 user=x password=y dbname=z"
SERVER = """
import http.server, os
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = 200 if self.path == "/health" else 404
        self.send_response(status); self.end_headers(); self.wfile.write(b'"' + os.environ["SHOP_DB"].encode() + b'"')
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers).serve_forever()
"""


def test_what_is_damaged_may_be_larger_than_memory(tmp_path: Path) -> None:
    """No way to damage a file reads all of it."""
    file = tmp_path / "file"
    file.touch()
    for way in WAYS:
        os.truncate(file, 256 << 20)
        tracemalloc.start()
        WAYS[way](file)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()
        file.touch()


def test_the_label_of_a_base_backup_is_hit(tmp_path: Path) -> None:
    """And nothing else of it, however much lies before and behind."""
    for name in ("a", LABEL, "z"):
        (tmp_path / name).write_bytes(b"0" * 9000)
    with tarfile.open(tmp_path / "base.tar", "w") as archive:
        for name in ("a", LABEL, "z"):
            archive.add(tmp_path / name, name)
    with spoiled(tmp_path / "base.tar", *OF_A_BASE_BACKUP), tarfile.open(tmp_path / "base.tar") as archive:
        changed = [one.name for one in archive if set(archive.extractfile(one).read()) != {ord("0")}]  # type: ignore[union-attr]

    assert [LABEL] == changed


def test_two_files_have_each_others_name(tmp_path: Path) -> None:
    """And their own again afterwards."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    with exchanged(one, other):
        assert ("2", "1") == (one.read_text(), other.read_text())

    assert ("1", "2") == (one.read_text(), other.read_text())


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_damaged_and_then_whole(tmp_path: Path, way: str) -> None:
    """What is drilled on is not what is left behind."""
    file = tmp_path / "file"
    file.write_bytes(b"0123456789")
    with spoiled(file, way):
        assert not file.exists() or b"0123456789" != file.read_bytes()

    assert b"0123456789" == file.read_bytes()


def test_the_application_is_told_the_copys_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host and port are the copy's; who signs in, with which password and where, came back with the backup."""
    (tmp_path / "serve.py").write_text(SERVER)
    monkeypatch.setenv("SHOP_DB", "postgresql://me:secret@10.0.0.1:5432/shop?sslmode=disable")
    application = Application(
        start=(sys.executable, "serve.py"), database_env=("SHOP_DB",), health="/health", env={"PORT": "{port}"}
    )
    with started(application, tmp_path, COPY) as url:
        answers = [ask(url, Request(path=path), {}) for path in ("/health", "/nowhere")]

    assert [
        (200, "postgresql://me:secret@127.0.0.1:4711/shop?sslmode=disable"),
        (404, None),
    ] == answers
    assert "10.0.0.1" in os.environ["SHOP_DB"]


def test_an_application_that_does_not_serve_is_the_releases_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is quoted."""
    monkeypatch.setenv("SHOP_DB", "postgresql://me:secret@10.0.0.1:5432/shop")
    application = Application(
        start=(sys.executable, "-c", "raise SystemExit('no such role')"), database_env=("SHOP_DB",), health="/health"
    )
    with pytest.raises(AssertionError, match="no such role"), started(application, tmp_path, COPY):
        pass


@pytest.mark.parametrize("way", WAYS)
def test_what_is_damaged_in_a_twin_is_whole_in_the_store(tmp_path: Path, way: str) -> None:
    """Others restore from the same files meanwhile."""
    (tmp_path / "store" / ".work").mkdir(parents=True)
    (tmp_path / "store" / "file").write_bytes(b"0123456789")
    twin(tmp_path / "store", tmp_path / "twin")
    with spoiled(tmp_path / "twin" / "file", way):
        assert b"0123456789" == (tmp_path / "store" / "file").read_bytes()

    assert ["file"] == [path.name for path in (tmp_path / "twin").iterdir()]
    assert b"0123456789" == (tmp_path / "twin" / "file").read_bytes()
