"""What follows the verdict and cannot change it: files, the link to the newest run, and what is printed."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from evidence import run
from reports import history
from reports.model import Gate
from reports.render import ctrf, github, html, json_v1, junit, markdown, openmetrics, terminal
from reports.render.text import SYMBOLS, visible

FILES = ("report.html", "summary.md", "junit.xml", "metrics.txt", "ctrf.json")


def write_html(gate: Gate, folder: Path) -> None:
    """Write the report for people."""
    run.write_atomically(folder / "report.html", html.render(gate).encode("utf-8", "replace"))


def write_markdown(gate: Gate, folder: Path) -> None:
    """Write the summary for a job or a pull request."""
    run.write_atomically(folder / "summary.md", markdown.render(gate).encode("utf-8", "replace"))


def write_junit(gate: Gate, folder: Path) -> None:
    """Write the verdict as tests, for CI systems."""
    run.write_atomically(folder / "junit.xml", junit.render(gate).encode("utf-8", "replace"))


def write_metrics(gate: Gate, folder: Path) -> None:
    """Write the numbers, for dashboards."""
    run.write_atomically(folder / "metrics.txt", openmetrics.render(gate).encode("utf-8", "replace"))


def write_ctrf(gate: Gate, folder: Path) -> None:
    """Write the verdict as tests, for dashboards of tests."""
    run.write_atomically(folder / "ctrf.json", ctrf.render(gate).encode("utf-8", "replace"))


def remember(gate: Gate, folder: Path) -> None:
    """Add this judgement to the history of the runs."""
    history.append(gate, history.beside(folder))


def link_latest(_gate: Gate, folder: Path) -> None:
    """Point `latest`, beside the runs, at the newest of them; a file system without symlinks does without."""
    folder = folder.resolve()
    latest = folder.with_name("latest")
    if latest.exists() and (not latest.is_symlink() or _started(latest) > _started(folder)):
        return
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".latest-") as place, contextlib.suppress(OSError):
        link = Path(place, "latest")
        link.symlink_to(folder.name, target_is_directory=True)
        link.replace(latest)


def show(gate: Gate, folder: Path, form: str) -> None:
    """Print what was asked for, in what the terminal can print."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(FORMATS[form](gate, folder).encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def for_terminal(gate: Gate, folder: Path) -> str:
    """Render for the terminal that this is: its width, its colours, its characters, and its annotations."""
    colour = not os.environ.get("NO_COLOR") and (sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR")))
    try:
        "".join(SYMBOLS.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        symbols = False
    else:
        symbols = True
    width = shutil.get_terminal_size((100, 24)).columns
    report = str(shown(folder / "report.html"))
    text = terminal.render(gate, report, width=width, colour=colour, symbols=symbols)
    return text + github.render(gate) if os.environ.get("GITHUB_ACTIONS") == "true" else text


Step = Callable[[Gate, Path], None]
FORMATS: dict[str, Callable[[Gate, Path], str]] = {
    "terminal": for_terminal,
    "markdown": lambda gate, _: markdown.render(gate),
    "json": lambda gate, _: json_v1.render(gate),
    "github": lambda gate, _: github.render(gate),
}


def publish(gate: Gate, folder: Path, form: str) -> None:
    """Write and print the reports; one that breaks is reported, and changes nothing of the verdict."""
    written: tuple[Step, ...] = (write_html, write_markdown, write_junit, write_metrics, write_ctrf)
    steps: tuple[Step, ...] = (remember, *written, link_latest, functools.partial(show, form=form))
    for step in steps:
        try:
            step(gate, folder)
        except BrokenPipeError:  # nobody reads on: Python would complain again when it closes the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except Exception as error:  # noqa: BLE001 - the verdict stands, whatever a renderer does
            name = getattr(step, "__name__", "show")
            complain(f"{name} broke, the verdict stands: {type(error).__name__}: {error}", gate.exit_code)


def shown(path: Path) -> Path:
    """Name a path as the caller would: relative where it lies below the working directory."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def complain(text: str, code: int) -> int:
    """Say one line on stderr, in characters that any terminal has, and pass the exit code on."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"gate: {visible(' '.join(text.split()))}\n".encode("ascii", "replace").decode())
    return code


def _started(folder: Path) -> dt.datetime:
    return run.load(folder).record.started
