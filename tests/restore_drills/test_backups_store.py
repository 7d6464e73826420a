"""Both stores keep their word, S3 against a real server."""

from __future__ import annotations

import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fixtures.postgres import free_port
from restore_drills.backups.model import encode
from restore_drills.backups.repository import DRAFT
from restore_drills.backups.s3 import PART, S3
from restore_drills.backups.store import Entry, Folder, Protection, Store, StoreError
from tests.restore_drills.backups_world import manifest, repository

KEY = "backups/a b/Größe.tar"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind of store, empty."""
    if request.param == "folder":
        return Folder(tmp_path / "a store")
    request.getfixturevalue("bucket")
    return S3(f"s3://bucket/{request.node.name}")


def local(tmp_path: Path, content: bytes) -> Path:
    """Make a local file."""
    path = tmp_path / "local"
    path.write_bytes(content)
    return path


def test_an_object_comes_back(store: Store, tmp_path: Path) -> None:
    """Also a large one, which goes in parts; it is listed with its size, and its neighbour by name is not."""
    content = secrets.token_bytes(PART + 12345)
    store.put(KEY, local(tmp_path, content))
    store.put("backups/a", local(tmp_path, b""))

    assert [Entry(KEY, len(content))] == list(store.list("backups/a b/"))
    assert {KEY, "backups/a"} == {entry.key for entry in store.list("backups/")}
    with store.open(KEY) as file:
        assert content[:3] == file.read(3)
        assert content[3:] == file.read()
    assert not (tmp_path / "local").exists()


def test_an_object_is_replaced_and_removed(store: Store, tmp_path: Path) -> None:
    """Removing what is not there is well; reading it is refused by name."""
    store.put(KEY, local(tmp_path, b"one"))
    store.put(KEY, local(tmp_path, b"two"))
    with store.open(KEY) as file:
        assert b"two" == file.read()
    store.delete(KEY)
    store.delete(KEY)

    assert [] == list(store.list(""))
    with pytest.raises(StoreError, match="Größe.tar is missing"), store.open(KEY):  # noqa: RUF043 - a name
        pass


def test_wrong_credentials_are_one_sentence(bucket: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It names the store, the object, and where to look; and never the secret."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")

    with pytest.raises(StoreError, match=r"s3://bucket: backups/x: .*AWS_") as refused:
        S3("s3://bucket").put("backups/x", local(tmp_path, b"x"))
    assert "wrong-secret" not in str(refused.value)
    assert [] == list(bucket.rglob("x"))


def test_a_store_that_is_gone_is_one_sentence(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing hangs, and nothing is a traceback."""
    assert bucket.exists()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr("restore_drills.backups.s3.RETRIES", 0)

    with pytest.raises(StoreError, match="s3://bucket"):
        list(S3("s3://bucket").list("backups/"))


class Telling(BaseHTTPRequestHandler):
    """Answers as S3 does of an object that it encrypts and locks."""

    def do_HEAD(self) -> None:
        """Tell it to who signed for that very object."""
        signed = self.path.startswith("/bucket/a%20b/one?") and "X-Amz-Signature=" in self.path
        self.send_response(200 if signed else 403)
        for name, value in TOLD.items() if signed else ():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


TOLD = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-object-lock-mode": "COMPLIANCE",
    "x-amz-object-lock-retain-until-date": "2027-01-01T00:00:00Z",
}


def test_what_the_store_does_by_itself_is_told_where_it_tells(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By S3's own headers of the object; a folder and rclone's server tell nothing, and nothing is made up of that."""
    assert bucket.exists()
    S3("s3://bucket/a b").put("one", local(tmp_path, b"x"))
    not_told = Protection("not told", "not told")
    assert not_told == Folder(tmp_path).protection("one")
    assert not_told == S3("s3://bucket/a b").protection("one")
    with ThreadingHTTPServer(("127.0.0.1", 0), Telling) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        telling = S3("s3://bucket/a b")

        assert Protection("aws:kms", "COMPLIANCE until 2027-01-01T00:00:00Z") == telling.protection("one")
        assert "could not be asked (HTTP Error 403" in telling.protection("other").encryption
        server.shutdown()


def test_an_upload_that_was_cut_short_goes_on(bucket: Path, tmp_path: Path) -> None:
    """What the store has of a backup is not put there again; the rest is, and then it is committed."""
    place = repository(tmp_path / "local")
    place.store = S3("s3://bucket/resumed")
    files = {"one.tar": b"1" * 1000, "two.tar": b"2"}
    one = manifest(files=files)
    folder = place.work / one.id
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / DRAFT).write_bytes(encode(one))
    place.store.put(f"backups/{one.id}/one.tar", folder / "one.tar")
    with place.lock():
        place.settle()

    assert [one] == place.manifests()
    assert 1000 == (bucket / "resumed" / "backups" / one.id / "one.tar").stat().st_size
