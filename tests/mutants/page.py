"""The page that says what was noticed: docs/mutants.md."""

from collections.abc import Callable, Mapping, Sequence

from tests.mutants.faults import Fault
from tests.mutants.touches import LAST
from tests.mutants.trial import Verdict

HEAD = """# Faults put in

`make mutants` puts small faults into the product, one at a time, and runs the quick tests that touch the line
of each, until one fails. A fault that none of them notices is a gap in the tests, and gets a test. They are
those of [mutmut](https://github.com/boxed/mutmut), of all its kinds, which take turns, drawn by a seed from
{rooms}.

Quick tests are those of `tests/unit`, and of `tests/ledger` and `tests/integration` what runs on the table in
memory and at the stand-in in process, and the table's contract on moto. What none of them notices is put into
[the simulation](simulation.md) of `make test`, which lives three seeds. Tests end to end, those of crashes
and of races, and the others on emulated tables are not asked.

A fault that changes nothing which anybody could see is none: those known to be such are named by hand, with
their reasons, in [equivalent.toml](../tests/mutants/equivalent.toml).

"""


def score(verdicts: Sequence[Verdict]) -> float:
    """Return which share of faults was noticed."""
    return sum(each.noticed for each in verdicts) / len(verdicts)


def page(
    verdicts: Sequence[Verdict], equal: Sequence[Fault], reasons: Mapping[tuple[str, str], str], seed: int
) -> str:
    """Return the page of a run: the score, by room and by kind, what survived, and what is equivalent."""
    rooms = ", ".join(sorted({each.fault.room for each in verdicts}))
    noticed = sum(each.noticed for each in verdicts)
    lived = sum(each.by.startswith(LAST) for each in verdicts)
    lines = [
        HEAD.format(rooms=rooms),
        f"The last run, seed {seed}: **{noticed} of {len(verdicts)} were noticed, {score(verdicts):.1%}**,",
        f"{lived} of them by the simulation alone, and {len(equal)} more were equivalent.",
        "",
        *_table("room", verdicts, lambda each: each.room),
        *_table("kind", verdicts, lambda each: each.kind),
    ]
    survivors = [each.fault for each in verdicts if not each.noticed]
    if survivors:
        lines += ["## What nobody noticed", "", *(f"- {_told(each)}" for each in survivors), ""]
    if equal:
        told = (f"- {_told(each)}: {reasons[each.before, each.after]}" for each in equal)
        lines += ["## What is equivalent", "", *told, ""]
    return "\n".join(lines)


def _told(fault: Fault) -> str:
    return f"{fault.file.removeprefix('shared/tollkeeper/')}:{fault.line} `{fault.before}` → `{fault.after}`"


def _table(name: str, verdicts: Sequence[Verdict], by: Callable[[Fault], str]) -> list[str]:
    rows = [f"| {name} | put in | noticed |", "|---|---|---|"]
    for value in sorted({by(each.fault) for each in verdicts}):
        those = [each for each in verdicts if by(each.fault) == value]
        rows.append(f"| {value} | {len(those)} | {sum(each.noticed for each in those)} |")
    return [*rows, ""]
