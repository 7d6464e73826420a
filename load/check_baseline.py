"""Whether the release is slower than the last promoted one, both measured in the same minutes."""

from __future__ import annotations

from checks.claim import check
from evidence.errors import CannotTell
from evidence.release import Undeclared
from load.finding import Finding
from load.measurement import Measurement
from load.paired import difference
from load.quantile import nearest_rank, ordered


@check("LOAD-007")
def check_no_slower_than_before(measurement: Measurement) -> Finding:
    """The 95th percentile is no slower than that of the last promoted release, asked in turns with this one."""
    if measurement.load.baseline is None:
        msg = "[load.baseline] is not declared; declare it, or say why not under [not_applicable]"
        raise Undeclared(msg)
    compared = measurement.compared
    if compared.problem:
        raise CannotTell(compared.problem)
    slower = difference(compared.pairs, 0.95)
    now, before = (
        ordered([latency for pair in compared.pairs for latency in getattr(pair, side)]) for side in ("now", "before")
    )
    measured = {
        "p95_slower_ms": slower.middle,
        "p95_slower_low_ms": slower.low,
        "p95_slower_high_ms": slower.high,
        "p95_now_ms": nearest_rank(now, 0.95),
        "p95_before_ms": nearest_rank(before, 0.95),
        "pairs_total": len(compared.pairs),
        "pairs_left_out_total": compared.left_out,
        "samples_total": min(len(now), len(before)),
    }
    detail = (
        f"p95 {measured['p95_now_ms']:.1f} ms, and {measured['p95_before_ms']:.1f} ms of the last promoted release, in "
        f"{len(compared.pairs)} blocks of each in turns; with 95 % confidence the difference is {slower.low:.1f} to "
        f"{slower.high:.1f} ms"
    )
    return Finding(measured, detail)
