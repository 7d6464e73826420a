"""A configuration is judged by its variables, and none of their values is told."""

from __future__ import annotations

import pytest

from evidence.errors import InputError
from suites.integration.configuration import guessable, problems, read
from suites.integration.contract import Configuration

GOOD = "q7Zr0x-Gm3Lk9pTw"
LOCAL = f"postgresql://shop:{GOOD}@127.0.0.1/shop"


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (GOOD, ""),
        ("4f1c2b9ad07e5836", ""),
        ("a-real-Passphrase-of-words", ""),
        ("changeme", "it is a placeholder"),
        ("change-me-change-me-change-me", "it is a placeholder"),
        ("Your_Secret_Key_123456789", "it is a placeholder"),
        ("super.secret.token", "it is a placeholder"),
        ("q7Zr0xGm3", "it is shorter than 16 characters"),
        ("qzqzqzqzqzqzqzqzqz", "it has fewer than 8 different characters"),
        ("0000000000000000000", "it has fewer than 8 different characters"),
    ],
)
def test_a_secret_that_can_be_guessed_is_known(secret: str, expected: str) -> None:
    """Placeholders, short and monotonous secrets are refused; random ones and passphrases are not."""
    assert expected == guessable(secret)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (LOCAL, []),
        (f"postgresql://shop:{GOOD}@/shop?host=/run/postgresql", []),
        (f"host=localhost dbname=shop password={GOOD}", []),
        (f"postgresql://shop:{GOOD}@db.example/shop?sslmode=verify-full", []),
        (f"postgresql://shop:{GOOD}@db.example/shop?sslmode=require", []),
        (
            f"postgresql://shop:{GOOD}@db.example/shop",
            [("URL", "the database is not local, and sslmode is none of require, verify-ca, verify-full")],
        ),
        (
            f"postgresql://shop:{GOOD}@10.0.0.7/shop?sslmode=prefer",
            [("URL", "the database is not local, and sslmode is none of require, verify-ca, verify-full")],
        ),
        ("postgresql://shop:postgres@127.0.0.1/shop", [("URL password", "it is a placeholder")]),
        ("", [("URL", "it is not set")]),
    ],
)
def test_a_database_elsewhere_is_spoken_to_in_secret(address: str, expected: list[tuple[str, str]]) -> None:
    """Only a local database may be spoken to without TLS, and none by a default password."""
    assert expected == list(problems({"URL": address}, Configuration(show=("env",), databases=("URL",))))


def test_what_is_missing_or_the_same_is_told_by_name() -> None:
    """A variable that is not set, and a secret that serves twice, are told once each, without their values."""
    declared = Configuration(show=("env",), required=("A", "B"), secrets=("B", "C", "D"))

    assert [("A", "it is not set"), ("B", "it is not set"), ("D", "it is the same as C")] == list(
        problems({"A": "", "C": GOOD, "D": GOOD}, declared)
    )


def test_an_address_of_another_kind_is_our_users_mistake() -> None:
    """What is no PostgreSQL address cannot be judged, and is not told."""
    with pytest.raises(InputError, match="URL holds no PostgreSQL address") as raised:
        list(problems({"URL": "mysql://shop:hunter2@db/shop"}, Configuration(show=("env",), databases=("URL",))))
    assert "hunter2" not in str(raised.value)


def test_variables_are_read_as_env_and_files_write_them() -> None:
    """Quotes and `export` are no part of a value, and an equals sign may be."""
    assert {"A": "1=2", "B": "two words", "C": ""} == read("A=1=2\nexport B='two words'\n# a comment\n\nC=\n")
