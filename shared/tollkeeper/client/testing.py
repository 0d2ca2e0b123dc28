"""For a host's own tests: that each of its routes was thought of.

def test_every_route_is_metered() -> None:
    assert_every_route_is_mapped(app, accepted=Path("accepted-routes.txt"))
"""

from pathlib import Path

from tollkeeper.catalogue import Catalogue, load
from tollkeeper.client.audit import accepted_in, judge_routes
from tollkeeper.client.audit_report import report
from tollkeeper.client.host_routes import routes_of


def assert_every_route_is_mapped(
    host: object, *, catalogue: Catalogue | None = None, accepted: Path | None = None
) -> None:
    """See that the audit passes for an application or an OpenAPI document.

    Raises:
        AssertionError: it does not; the message is the audit's report of what fails.
    """
    known = {} if accepted is None else accepted_in(accepted.read_text("utf-8"))
    findings = judge_routes(routes_of(host), catalogue or load(), known)
    failing = [each for each in findings if each.judgement.fails]
    if failing:
        raise AssertionError(report(failing))
