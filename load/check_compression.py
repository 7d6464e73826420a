"""Whether what is long enough goes over the line compressed, and only to who can read it."""

from __future__ import annotations

from checks.claim import check
from evidence.errors import CannotTell
from evidence.release import Undeclared
from load.compression import wrong
from load.finding import Finding
from load.measurement import Measurement
from load.quantile import TooFewSamples


@check("LOAD-011")
def check_answers_are_compressed(measurement: Measurement) -> Finding:
    """Answers of the declared size are compressed for who accepts gzip, for nobody else, and say that they vary."""
    declared = measurement.load.compression
    if declared is None:
        msg = "[load.compression] is not declared; declare it, or say why not under [not_applicable]"
        raise Undeclared(msg)
    weighed = measurement.weighed
    if weighed.problem:
        raise CannotTell(weighed.problem)
    found = [f"{pair.name}: {each}" for pair in weighed.pairs for each in wrong(pair, declared.at_least_bytes)]
    assert not found, "\n".join(found)
    large = [
        pair
        for pair in weighed.pairs
        if pair.decoded_bytes >= declared.at_least_bytes and pair.name not in declared.not_compressed
    ]
    if not large:
        msg = f"no answer of the load has {declared.at_least_bytes} bytes that are to be compressed"
        raise TooFewSamples(msg)
    measured = {
        "transferred_ratio": max(pair.transferred_ratio for pair in large),
        "transferred_bytes": sum(pair.packed.transferred_bytes for pair in large),
        "decoded_bytes": sum(pair.packed.decoded_bytes for pair in large),
        "answers_total": len(large),
    }
    told = "\n".join(
        f"{pair.name}: {pair.packed.transferred_bytes} bytes for {pair.packed.decoded_bytes}"
        for pair in sorted(large, key=lambda pair: -pair.transferred_ratio)
    )
    return Finding(measured, told)
