"""The audit as people read it: what fails first, and what to do about it last."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tollkeeper.client.audit import Finding, Judgement

ORDER = {
    Judgement.UNMAPPED: 0,
    Judgement.CATCH_ALL: 1,
    Judgement.METERED: 2,
    Judgement.ACCEPTED: 3,
    Judgement.EXCUSED: 4,
    Judgement.READS: 5,
}

SAYS = {
    Judgement.UNMAPPED: "NOT COUNTED, though it may change something",
    Judgement.CATCH_ALL: "only the catch-all counts it",
    Judgement.ACCEPTED: "accepted",
    Judgement.EXCUSED: "not counted",
    Judgement.READS: "not counted: it reads",
}


def report(findings: Sequence[Finding], gone: Sequence[str] = ()) -> str:
    """Return a table of all routes, the lines that the route map lacks, and a sentence with the sum."""
    return "\n".join([*_table(findings), *_advice(findings), *_gone(gone), _sum(findings)])


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    rows = [
        ("✗" if each.judgement.fails else " ", str(each.route), each.metric or "-", _says(each))
        for each in sorted(findings, key=lambda each: ORDER[each.judgement])
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])


def _says(finding: Finding) -> str:
    if finding.judgement is Judgement.METERED:
        return f"counted {finding.how}"
    if finding.judgement is Judgement.EXCUSED:
        return f"{SAYS[finding.judgement]}: {finding.how}"
    return SAYS[finding.judgement]


def _advice(findings: Sequence[Finding]) -> Iterator[str]:
    failing = [each for each in findings if each.judgement.fails]
    if not failing:
        return
    yield "\nLines for the route map, above the catch-all; say the metric that fits:\n"
    yield from dict.fromkeys(each.suggestion for each in failing)
    yield '\nOr, where a route is to count as nothing: "…" = { metric = "none", reason = "…" }'
    yield "Or, where it is as it should be, a line in the file of accepted routes: POST /path  # why"


def _gone(gone: Sequence[str]) -> Iterator[str]:
    if gone:
        yield "\nAccepted, and no route of the host any more; take them out:\n"
        yield from gone


def _sum(findings: Sequence[Finding]) -> str:
    counts = Counter(each.judgement for each in findings)
    told = ", ".join(f"{counts[each]} {each.value}" for each in ORDER if counts[each])
    return f"\n{len(findings)} routes: {told or 'none'}"
