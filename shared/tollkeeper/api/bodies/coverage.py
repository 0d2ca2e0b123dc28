"""What hosts have seen of their requests, as they tell it and as it is shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StrictInt

from tollkeeper.api.bodies.model import Body
from tollkeeper.rules.coverage import KINDS, MOST_PATHS, CoverageReport, Requests, UnmappedPath
from tollkeeper.usage.records import Id, Instant, Sent

MOST_METRICS = 500

Count = Annotated[StrictInt, Field(ge=0, le=10**12)]
Metric = Annotated[str, Field(pattern="^[A-Za-z0-9]{1,128}$")]
Method = Annotated[str, Field(pattern="^[A-Z]{1,16}$")]
Process = Annotated[str, Field(pattern="^[0-9A-Za-z-]{1,64}$", description="The same for all its hours.")]


class UnmappedPathIn(Sent):
    """A path that nothing maps; `*` stands for what looks like an id."""

    method: Method
    path: Annotated[str, Field(min_length=1, max_length=200)]
    requests: Annotated[StrictInt, Field(ge=1, le=10**12)]


class CoverageReportIn(Sent):
    """What a process has seen in an hour so far. A later one of the same hour takes its place."""

    host: Id
    process: Process
    hour: Annotated[Instant, Field(description="When the hour began, for example 2025-11-03T17:00:00Z.")]
    metered: Annotated[dict[Metric, Count], Field(max_length=MOST_METRICS, description="By metric.")]
    excused: Count = 0
    reads: Annotated[Count, Field(description="Not mapped, and they change nothing.")] = 0
    failed: Count = 0
    refused: Count = 0
    nobody: Annotated[Count, Field(description="Mapped, and the host named no user.")] = 0
    unmapped: Annotated[Count, Field(description="Not mapped, and they may have changed something.")] = 0
    unmapped_paths: Annotated[list[UnmappedPathIn], Field(default_factory=list, max_length=MOST_PATHS)]

    def report(self) -> CoverageReport:
        """Return what was told."""
        counts = {name: getattr(self, name) for name in KINDS}
        paths = [UnmappedPath(each.method, each.path, each.requests) for each in self.unmapped_paths]
        return CoverageReport(self.host, self.process, self.hour, Requests(self.metered, **counts), paths)


class CoverageTaken(Body):
    """Whether it was kept; if not, the process has told more of that hour already."""

    kept: bool


class RequestsOut(Body):
    """How many requests ended in which way. `share` is what is metered or excused of all that had to be."""

    total: int
    share: float | None
    metered: dict[str, int]
    excused: int
    reads: int
    failed: int
    refused: int
    nobody: int
    unmapped: int


class HostCoverageOut(Body):
    """What one host has told; `silent` if nothing for two hours."""

    host: str
    processes: int
    last_told_at: datetime
    silent: bool
    requests: RequestsOut


class UnmappedPathOut(Body):
    """A path that nothing maps, and the host that answers it."""

    host: str
    method: str
    path: str
    requests: int


class CoverageOut(Body):
    """What all hosts have told. Hosts that are silent are shown for a week."""

    start: datetime
    end: datetime
    requests: RequestsOut
    hosts: list[HostCoverageOut]
    unmapped_paths: list[UnmappedPathOut]
