"""Keys: Ed25519 from a file or the environment, and never on a screen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa

from evidence.errors import InputError
from reports import sign, verify
from reports.attestation import keys

GOOD = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHERS = {"RSA": new_rsa(65537, 2048), "EC": new_ec(SECP256R1())}


def private_pem(key: pem.PrivateFormat | object, password: bytes | None = None) -> bytes:
    """Write a private key in PKCS #8."""
    lock = pem.BestAvailableEncryption(password) if password else pem.NoEncryption()
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, lock)  # type: ignore[union-attr,no-any-return]


def public_pem(key: object) -> bytes:
    """Write a key's public half."""
    public = key.public_key()  # type: ignore[attr-defined]
    return public.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


def test_a_generated_pair_belongs_together(tmp_path: Path) -> None:
    """The private key is its owner's alone, the public one is everybody's, and each loads as the other's half."""
    public = keys.generate(tmp_path / "release.key")

    assert tmp_path / "release.key.pub" == public
    assert (0o600, 0o644) == ((tmp_path / "release.key").stat().st_mode & 0o777, public.stat().st_mode & 0o777)
    assert keys.public(public) == keys.private(tmp_path / "release.key").public_key


@pytest.mark.parametrize("taken", ["release.key", "release.key.pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, taken: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever half exists, nothing is written, and one line says so."""
    (tmp_path / taken).write_text("precious")

    assert 2 == sign.main(["--generate", str(tmp_path / "release.key")])
    assert f"gate: {tmp_path / taken}: exists already; choose another name\n" == capsys.readouterr().err
    assert [("precious", taken)] == [(path.read_text(), path.name) for path in tmp_path.iterdir()]


def test_a_key_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder, no key."""
    assert 2 == sign.main(["--generate", str(tmp_path / "no folder" / "release.key")])
    assert "release.key: cannot be written (No such file or directory)\n" in capsys.readouterr().err


def test_generating_says_where_and_not_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The paths are printed, the key is not."""
    assert 0 == sign.main(["--generate", str(tmp_path / "k")])
    out = capsys.readouterr().out
    assert f"keep {tmp_path / 'k'} secret: it signs\ngive {tmp_path / 'k.pub'} to whoever verifies\n" == out


def test_the_environment_holds_a_key_and_a_file_outranks_it(tmp_path: Path) -> None:
    """RELEASE_SIGNING_KEY is the PEM text itself."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    environment = {keys.VARIABLE: private_pem(GOOD).decode()}
    (tmp_path / "other.key").write_bytes(private_pem(other))

    assert keys.PublicKey.from_crypto(GOOD.public_key()) == keys.private(None, environment).public_key
    assert (
        keys.PublicKey.from_crypto(other.public_key()) == keys.private(tmp_path / "other.key", environment).public_key
    )


WRONG: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "the key cannot be read (No such file or directory)"),
    "empty": (b"", "holds no private key in PEM (PKCS #8); make one with: "),
    "garbage": (b"\xff\x00 no key", "holds no private key in PEM (PKCS #8); make one with: "),
    "cut off": (private_pem(GOOD)[:-30], "holds no private key in PEM (PKCS #8); make one with: "),
    "damaged": (private_pem(GOOD).replace(b"MC4C", b"MC4D"), "holds no private key in PEM (PKCS #8); make one with: "),
    "public": (public_pem(GOOD), "holds no private key in PEM (PKCS #8); make one with: "),
    "encrypted": (private_pem(GOOD, b"secret"), "the key is encrypted; give it decrypted, by a secret store"),
    "RSA": (private_pem(OTHERS["RSA"]), "the key is of the type RSAPrivateKey, not Ed25519"),
    "EC": (private_pem(OTHERS["EC"]), "the key is of the type ECPrivateKey, not Ed25519"),
}


@pytest.mark.parametrize(("content", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_key_in_a_file_is_one_line_without_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, says: str
) -> None:
    """Exit code 2, what it is instead, and no piece of its content."""
    path = tmp_path / "release.key"
    if content is not None:
        path.write_bytes(content)

    assert 2 == sign.main(["--run", str(tmp_path), "--key", str(path)])
    assert_one_line_without(content, f"gate: {path}: {says}", capsys)


@pytest.mark.parametrize(("content", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_key_in_the_environment_is_one_line_without_the_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes | None, says: str
) -> None:
    """The same, by the variable's name; an empty one is none."""
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    if content:
        monkeypatch.setenv(keys.VARIABLE, os.fsdecode(content.replace(b"\0", b"")))
        says = f"{keys.VARIABLE}: {says}"
    else:
        says = f"there is no key to sign with: name a file with --key, or put the PEM text into {keys.VARIABLE}"

    assert 2 == sign.main(["--run", "nowhere"])
    assert_one_line_without(content, f"gate: {says}", capsys)


def assert_one_line_without(content: bytes | None, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is said is one line on stderr that begins so, and has none of the content."""
    said = capsys.readouterr()
    assert ("", 1) == (said.out, said.err.count("\n"))
    assert said.err.startswith(begins)
    assert not [line for line in (content or b"").decode("latin-1").splitlines() if line and line in said.err]


WRONG_PUBLIC: dict[str, tuple[bytes, str]] = {
    "private": (private_pem(GOOD), "holds no public key in PEM"),
    "garbage": (b"no key", "holds no public key in PEM"),
    "RSA": (public_pem(OTHERS["RSA"]), "the key is of the type RSAPublicKey, not Ed25519"),
}


@pytest.mark.parametrize(("content", "says"), WRONG_PUBLIC.values(), ids=WRONG_PUBLIC)
def test_a_wrong_public_key_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, says: str
) -> None:
    """Exit code 2: a key that cannot verify is no verification that failed."""
    path = tmp_path / "release.pub"
    path.write_bytes(content)

    assert 2 == verify.main(["--run", str(tmp_path), "--public-key", str(path)])
    assert says in capsys.readouterr().err


def test_an_error_about_a_key_has_no_cause(tmp_path: Path) -> None:
    """Whoever prints the exception's history finds no parser's message about the content."""
    attempts: list[Callable[[], object]] = [lambda: keys.private(None, {keys.VARIABLE: "x"})]
    (tmp_path / "p").write_text("x")
    attempts.append(lambda: keys.public(tmp_path / "p"))
    for attempt in attempts:
        with pytest.raises(InputError) as refused:
            attempt()
        assert refused.value.__suppress_context__
