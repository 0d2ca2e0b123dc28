"""The audit of a host's routes: what each counts as, and which of them nobody has thought of (DESIGN §5)."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tollkeeper.catalogue import NONE, Catalogue, Route

READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing: they need not count."""

ANY = "ANY"
"""The method of a route that takes all of them."""

_PARAMETER = re.compile(r"\{[^{}]*\}|<[^<>]*>")


class Judgement(Enum):
    """What the audit says of a route."""

    METERED = "metered"
    EXCUSED = "excused"
    """The route map says `none`, and why."""
    ACCEPTED = "accepted"
    """Only the catch-all counts it, or nothing does, and the file of accepted routes names it."""
    READS = "reads"
    """It changes nothing and counts as nothing."""
    CATCH_ALL = "catch-all"
    UNMAPPED = "unmapped"

    @property
    def fails(self) -> bool:
        """Whether somebody has yet to say what such a route counts as."""
        return self in {Judgement.CATCH_ALL, Judgement.UNMAPPED}


@dataclass(frozen=True, slots=True, order=True)
class HostRoute:
    """A route of a host: its method in upper case, `ANY` for all, and its path with `{parameters}`."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def changes_state(self) -> bool:
        """Whether a request to it may change something."""
        return self.method not in READING


@dataclass(frozen=True, slots=True)
class Finding:
    """What a route counts as. `how` is before, after, or the reason why it counts as nothing."""

    route: HostRoute
    judgement: Judgement
    metric: str = ""
    how: str = ""

    @property
    def suggestion(self) -> str:
        """A line for the route map, to stand above the catch-all."""
        methods = "" if self.route.method == ANY else f"{self.route.method} "
        return f'"{methods}{_pattern(self.route.path)}" = "{self.metric or "…"}"'


def judge_routes(
    routes: Iterable[HostRoute], catalogue: Catalogue, accepted: Collection[str] = ()
) -> Sequence[Finding]:
    """Judge every route, in the order of their paths; `accepted` names routes as `POST /path`."""
    known = {_normal(each) for each in accepted}
    found = sorted(set(routes), key=lambda each: (each.path, each.method))
    return [_judge(route, catalogue, known) for route in found]


def gone(routes: Iterable[HostRoute], accepted: Collection[str]) -> Sequence[str]:
    """Return the accepted routes that the host has no more."""
    there = {_normal(str(route)) for route in routes}
    return [each for each in accepted if _normal(each) not in there]


def accepted_in(text: str) -> Mapping[str, str]:
    """Read a file of accepted routes: a line each, `POST /path  # why`; return the reasons by route.

    Raises:
        ValueError: a line is no route, or says no reason.
    """
    reasons: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        route, _, reason = (part.strip() for part in line.partition("#"))
        if not route:
            continue
        if not re.fullmatch(r"[A-Z]+ /\S*", route) or not reason:
            raise ValueError(f"line {number}: must read like POST /api/login  # why it need not be mapped")
        reasons[route] = reason
    return reasons


def _judge(route: HostRoute, catalogue: Catalogue, accepted: Collection[str]) -> Finding:
    found = _matching(route, catalogue)
    metric = "" if found is None or found.metric == NONE else found.metric
    how = catalogue.metrics[metric].count.value if metric else ""
    if found is not None and found.metric == NONE:
        return Finding(route, Judgement.EXCUSED, how=found.reason)
    if found is not None and not found.is_catch_all:
        return Finding(route, Judgement.METERED, metric, how)
    if not route.changes_state:
        return Finding(route, Judgement.METERED if metric else Judgement.READS, metric, how)
    if _normal(str(route)) in accepted:
        return Finding(route, Judgement.ACCEPTED, metric, how)
    return Finding(route, Judgement.UNMAPPED if found is None else Judgement.CATCH_ALL, metric, how)


def _matching(route: HostRoute, catalogue: Catalogue) -> Route | None:
    """The line of the route map that the route's requests match, if its parameters are like no other path."""
    path = _PARAMETER.sub("\0", route.path)
    if route.method != ANY:
        return catalogue.route_for(route.method, path)
    found = [catalogue.route_for(method, path) for method in ("POST", "PUT", "PATCH", "DELETE")]
    if None in found:
        return None
    return next((each for each in found if each is not None and each.is_catch_all), found[0])


def _pattern(path: str) -> str:
    path = _PARAMETER.sub("*", path)
    return "/" + "/".join("*" if "*" in segment else segment for segment in path.split("/") if segment)


def _normal(route: str) -> str:
    return _PARAMETER.sub("{}", route).rstrip("/")
