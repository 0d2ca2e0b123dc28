"""Part 8.2 of the assessment: what somebody does at a host that is metered stands in the table."""

import pytest

from infra.local.places import Stack
from tests.e2e.callers import soon
from tests.e2e.checklist.visitors import CALL, DASHBOARD, DESIGN, EXPORT, MODEL, Visitor
from tests.e2e.database import Database
from tollkeeper.catalogue import load

SECTION = "2. Usage Tracking"


@pytest.fixture
def database(stack: Stack) -> Database:
    """The stack's table."""
    return Database(stack)


def lands(database: Database, visitor: Visitor, metric: str) -> None:
    """See one unit of a metric in the table: the record, dated in its month, and the period's sum."""
    rows = soon(lambda: database.records(visitor.user_id), bool)
    period = database.period(visitor.user_id)
    assert [(metric, 1, period["sk"].split("#")[1][:7])] == rows
    assert {f"used_{metric}": 1} == {name: each for name, each in period.items() if name.startswith("used_")}


@pytest.mark.line("Create design → check database")
def test_create_design_check_database(visitor: Visitor, database: Database) -> None:
    """POST /api/designs at a host is one designsCreated in the table."""
    assert 200 == visitor.post(DESIGN).status_code
    lands(database, visitor, "designsCreated")


@pytest.mark.line("Export CAD → check database")
def test_export_cad_check_database(visitor: Visitor, database: Database) -> None:
    """POST /api/design/export is one export in the table."""
    assert 200 == visitor.post(EXPORT).status_code
    lands(database, visitor, "exports")


@pytest.mark.line("Use AI → check database")
def test_use_ai_check_database(visitor: Visitor, database: Database) -> None:
    """POST /api/ai-assistant/globalgap is one AI query in the table."""
    assert 200 == visitor.post(MODEL).status_code
    lands(database, visitor, "aiQueries")


@pytest.mark.line("View dashboard → check database")
def test_view_dashboard_check_database(visitor: Visitor, database: Database) -> None:
    """GET /api/facilities/dashboard is one facilityDashboards in the table."""
    assert 200 == visitor.get(DASHBOARD).status_code
    lands(database, visitor, "facilityDashboards")


@pytest.mark.line("Check /api/subscription shows counts")
def test_check_api_subscription_shows_counts(visitor: Visitor) -> None:
    """GET /subscription has each of them, and zeros for all else."""
    assert {200: 5} == visitor.post_all([DESIGN, EXPORT, MODEL, CALL, CALL])
    assert 200 == visitor.get(DASHBOARD).status_code
    expected = {"designsCreated": 1, "exports": 1, "aiQueries": 1, "apiCalls": 2, "facilityDashboards": 1}
    assert expected == visitor.usage(expected)
    assert load().metrics.keys() == visitor.shown()["usage"].keys()
