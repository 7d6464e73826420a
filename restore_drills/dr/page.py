"""A record as one static page of HTML, in which nothing that others wrote is markup."""

from __future__ import annotations

from pathlib import Path

import jinja2

from restore_drills.dr.estimate import spoken
from restore_drills.dr.record import Record


def page(record: Record) -> str:
    """Write the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["spoken"] = spoken
    return environment.get_template("page.html.jinja").render(
        record=record, day=f"{record.finished:%Y-%m-%d}", began=f"{record.started:%H:%M:%S}",
        ended=f"{record.finished:%H:%M:%S}", megabytes=f"{record.bytes / 1e6:,.1f}",
    )  # fmt: skip
