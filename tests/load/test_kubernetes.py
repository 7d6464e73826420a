"""The manifest for Locust's own operator is one that it takes, and what it starts by it is a load stage that runs."""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

from evidence import run as runs
from load.channel import PORT
from tests.load.conftest import TREE
from tests.load.server import Server

FOLDER = TREE / "deploy" / "kubernetes"
MANIFEST: dict[str, Any] = yaml.safe_load((FOLDER / "load.yaml").read_text())
SCHEMA = json.loads((Path(__file__).parent / "locusttest.schema.json").read_text())
LOAD = """
[target]
url = "{url}"

[load]
rate_per_s = 40
warmup_s = 0
duration_s = 2
requests = [{{ name = "home", path = "/" }}]
"""


def test_the_manifest_is_what_the_operator_takes() -> None:
    """By the fields and types of its custom resource."""
    jsonschema.validate(MANIFEST, SCHEMA)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("workers", "4"),
        ("workers", 0),
        ("arguments", "--workers 4"),
        ("env", [{"name": "A", "valueFrom": {}}]),
        ("locustfile", {"configMap": {"name": "ours", "key": "users.py"}}),
        ("locustfile", {"content": "", "file": "users.py"}),
        ("imagePullSecrets", [{"name": "a", "namespace": "b"}]),
        ("metrics", {"interval": 5}),
    ],
)
def test_what_the_operator_would_drop_or_refuse_is_found(where: str, value: object) -> None:
    """The check fails where the manifest is wrong."""
    wrong = copy.deepcopy(MANIFEST)
    wrong["spec"][where] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_the_master_waits_for_the_workers_that_are_started() -> None:
    """One number in two places."""
    assert f"--workers {MANIFEST['spec']['workers']}" == MANIFEST["spec"]["args"]


def test_the_operator_has_a_locustfile_to_mount() -> None:
    """Without one it asks for a volume and a mount that are null, and no job of it is ever made."""
    assert MANIFEST["spec"]["locustfile"]["content"].startswith("#")


def test_the_operator_s_service_leads_to_our_port() -> None:
    """Its service has port 5557, which is Locust's own."""
    assert 5557 == PORT


def test_what_the_operator_starts_measures(release_file: Path, tmp_path: Path) -> None:
    """The entrypoint with what the operator appends: master and workers run, and the evidence is where it is said."""
    environment = {"RELEASE_FILE": str(release_file), "RELEASE_RUN": str(tmp_path / "run")}
    with Server() as server:
        release_file.write_text(release_file.read_text() + LOAD.format(url=server.url))
        workers = [started(environment, "--worker", "--master-host", "127.0.0.1") for _ in range(2)]
        master = started(environment, "--master")
        output, _ = master.communicate(timeout=90)
        codes = [worker.wait(20) for worker in workers]
    found = runs.read_stage(tmp_path / "run" / "evidence" / "load.jsonl").evidence

    assert [0, 0, 0] == [*codes, master.returncode], output
    assert "load: ended with" in output
    assert {80.0} == {one.measured["samples_total"] for one in found if one.check in {"LOAD-001", "LOAD-002"}}


def test_no_pod_is_started_again_for_what_was_seen(release_file: Path, tmp_path: Path) -> None:
    """A stage that ends with an error ends its pod without one: the operator's job would send the load again."""
    environment = {"RELEASE_FILE": str(release_file), "RELEASE_RUN": str(tmp_path / "run"), "RELEASE_LOAD_KEY": "short"}
    with Server() as server:
        release_file.write_text(release_file.read_text() + LOAD.format(url=server.url))
        master = started(environment, "--master")
        output, _ = master.communicate(timeout=30)

    assert "load: ended with 2" in output
    assert 0 == master.returncode


def started(environment: Mapping[str, str], *words: str) -> subprocess.Popen[str]:
    """Start what the image starts, as the manifest and the operator say, on a port that is free here."""
    arguments = [*shlex.split(MANIFEST["spec"]["args"].replace("4", "2")), "--port", "25557", "--bind", "127.0.0.1"]
    declared = {one["name"]: one["value"] for one in MANIFEST["spec"]["env"]}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [str(FOLDER / "entrypoint"), *words, *arguments],
        cwd=TREE,
        env={**os.environ, **declared, "KEEP_S": "0", "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
