"""The manifest for Locust's own operator is one that it takes, and what it starts by it is a load stage that runs."""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import sys
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
    [("workers", "4"), ("workers", 0), ("arguments", "--workers 4"), ("env", [{"name": "A", "valueFrom": {}}])],
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


def test_the_operator_s_service_leads_to_our_port() -> None:
    """Its service has port 5557, which is Locust's own."""
    assert 5557 == PORT


def test_what_the_operator_starts_measures(release_file: Path, tmp_path: Path) -> None:
    """The entrypoint with what the operator appends: master and workers run, and the evidence is where it is said."""
    free = ["--port", "25557", "--bind", "127.0.0.1"]
    arguments = [*shlex.split(MANIFEST["spec"]["args"].replace("4", "2")), *free]
    declared = {one["name"]: one["value"] for one in MANIFEST["spec"]["env"]}
    changed = {"RELEASE_FILE": str(release_file), "RELEASE_RUN": str(tmp_path / "run"), "KEEP_S": "0"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **declared, **changed, "PATH": path}

    def started(*words: str) -> subprocess.Popen[str]:
        command = [str(FOLDER / "entrypoint"), *words, *arguments]
        return subprocess.Popen(
            command, cwd=TREE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    with Server() as server:
        release_file.write_text(release_file.read_text() + LOAD.format(url=server.url))
        workers = [started("--worker", "--master-host", "127.0.0.1") for _ in range(2)]
        master = started("--master")
        output, _ = master.communicate(timeout=90)
        codes = [worker.wait(20) for worker in workers]
    found = runs.read_stage(tmp_path / "run" / "evidence" / "load.jsonl").evidence

    assert [0, 0] == codes, output
    assert "load: ended with" in output
    assert {80.0} == {one.measured["samples_total"] for one in found if one.check in {"LOAD-001", "LOAD-002"}}
