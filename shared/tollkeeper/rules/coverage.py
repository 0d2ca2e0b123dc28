"""Coverage: what share of the hosts' requests is metered, and what nobody has mapped (DESIGN §5)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from tollkeeper.rules.announcements import Announcement, Kind
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.times import iso

HOUR = timedelta(hours=1)

SILENT_AFTER = timedelta(hours=2)
"""A host tells once an hour: after two without a word it has fallen silent."""

REMEMBERED = timedelta(days=7)
"""How long a host that has fallen silent is shown, and how late an hour may be told."""

AHEAD = timedelta(minutes=5)
"""By how much a host's clock may be ahead."""

MOST_PATHS = 50
"""Unmapped paths that one report may name."""

MOST_SHOWN = 200
"""Unmapped paths that are shown at once."""


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests ended in which way.

    Attributes:
        metered: Those that counted, by metric.
        excused: The route map says that they count as nothing, and why.
        reads: Nothing maps them, and they change nothing.
        failed: They were answered 400 or more.
        refused: They were answered 402.
        nobody: They are mapped, and the host named no user who could be counted.
        unmapped: Nothing maps them, and they may have changed something.
    """

    metered: Mapping[str, int] = field(default_factory=dict)
    excused: int = 0
    reads: int = 0
    failed: int = 0
    refused: int = 0
    nobody: int = 0
    unmapped: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        others = self.excused + self.reads + self.failed + self.refused + self.nobody + self.unmapped
        return sum(self.metered.values()) + others

    @property
    def share(self) -> float | None:
        """The part that is metered or excused of what succeeded and had to be; None where nothing had to be.

        It is rounded down to a ten-thousandth: 1 means that not one is missing.
        """
        known = sum(self.metered.values()) + self.excused
        owed = known + self.nobody + self.unmapped
        return known * 10_000 // owed / 10_000 if owed else None

    @classmethod
    def together(cls, several: Iterable[Self]) -> Self:
        """Add requests up."""
        metered: Counter[str] = Counter()
        others: Counter[str] = Counter()
        for each in several:
            metered.update(each.metered)
            others.update({name: getattr(each, name) for name in KINDS})
        return cls(dict(sorted(metered.items())), **others)


KINDS = ("excused", "reads", "failed", "refused", "nobody", "unmapped")
"""The ways in which a request can end without being counted."""


@dataclass(frozen=True, slots=True)
class UnmappedPath:
    """A path that nothing maps: `*` stands for what looks like an id."""

    method: str
    path: str
    requests: int


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """What a process has seen in an hour so far: a later report of the same hour takes its place."""

    host: str
    process: str
    hour: datetime
    requests: Requests
    paths: Sequence[UnmappedPath] = ()
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HostCoverage:
    """What is known of one host. It is silent if it has told nothing for two hours."""

    host: str
    processes: int
    last_told_at: datetime
    silent: bool
    requests: Requests


@dataclass(frozen=True, slots=True)
class UnmappedPathOfHost:
    """A path that nothing maps, and the host that answers it."""

    host: str
    method: str
    path: str
    requests: int


@dataclass(frozen=True, slots=True)
class CoverageShown:
    """What all hosts have told of the hours from `start` to `end`, and which of them are silent."""

    start: datetime
    end: datetime
    requests: Requests
    hosts: Sequence[HostCoverage]
    unmapped_paths: Sequence[UnmappedPathOfHost]


def fitting_hour(hour: datetime, now: datetime) -> datetime:
    """Return an hour that may be told now.

    Raises:
        InvalidFieldError: it is no whole hour, is long ago, or has not begun.
    """
    if hour.minute or hour.second or hour.microsecond:
        raise InvalidFieldError("hour", "must be a whole hour, for example 2025-11-03T17:00:00Z")
    if not now - REMEMBERED <= hour <= now + AHEAD:
        raise InvalidFieldError("hour", f"must have begun within the last {REMEMBERED.days} days")
    return hour


def of_gaps(report: CoverageReport, *, at: datetime) -> list[Announcement]:
    """Return the announcements of what nobody has mapped: one for each host, method and path."""
    return [
        Announcement.of(
            Kind.COVERAGE_GAP,
            None,
            [report.host, each.method, each.path],
            at=at,
            detail={
                "host": report.host,
                "method": each.method,
                "path": each.path,
                "hour": iso(report.hour),
            },
        )
        for each in report.paths
    ]


def shown_since(reports: Iterable[CoverageReport], start: datetime, now: datetime) -> CoverageShown:
    """Return what reports tell of the hours since `start`; those before say which hosts are silent."""
    reports = list(reports)
    within = [each for each in reports if each.hour + HOUR > start]
    paths: Counter[tuple[str, str, str]] = Counter()
    for each in within:
        for one in each.paths:
            paths[each.host, one.method, one.path] += one.requests
    most = sorted(paths.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHOWN]
    return CoverageShown(
        start,
        now,
        Requests.together(each.requests for each in within),
        [_of_host(name, reports, within, now) for name in sorted({each.host for each in reports})],
        [UnmappedPathOfHost(*whose, requests) for whose, requests in most],
    )


def _of_host(
    name: str, reports: Sequence[CoverageReport], within: Sequence[CoverageReport], now: datetime
) -> HostCoverage:
    last = max(each.told_at or each.hour for each in reports if each.host == name)
    own = [each for each in within if each.host == name]
    return HostCoverage(
        name,
        len({each.process for each in own}),
        last,
        now - last > SILENT_AFTER,
        Requests.together(each.requests for each in own),
    )
