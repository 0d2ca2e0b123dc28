"""The twenty endpoints that the assessment of a host lists, and a request to each that succeeds or fails."""

from typing import Any, NamedTuple


class Endpoint(NamedTuple):
    """A request to an endpoint of the example host, and the metric that it counts as."""

    method: str
    path: str
    metric: str

    @property
    def good(self) -> dict[str, Any]:
        """What is sent for it to succeed, as httpx wants it."""
        return {"params": {"facility": "north"}} if self.method == "GET" else {"json": {"name": "one"}}

    @property
    def bad(self) -> dict[str, Any]:
        """What is sent for it to fail: an unknown facility, or no name."""
        return {"params": {"facility": "moon"}} if self.method == "GET" else {"json": {}}


OWN = [
    Endpoint("POST", "/api/designs", "designsCreated"),
    Endpoint("POST", "/api/rooms", "roomsCreated"),
    Endpoint("POST", "/api/fixtures", "fixturesAdded"),
    Endpoint("POST", "/api/design/export", "exports"),
    Endpoint("POST", "/api/projects/export", "exports"),
    Endpoint("POST", "/api/reports/export", "exports"),
    Endpoint("POST", "/api/ml/predict", "mlPredictions"),
    Endpoint("POST", "/api/predictions", "mlPredictions"),
    Endpoint("POST", "/api/yield-prediction", "mlPredictions"),
    Endpoint("GET", "/api/facilities/dashboard", "facilityDashboards"),
    Endpoint("GET", "/api/analytics/dashboard", "facilityDashboards"),
]
"""Those that have a line of their own in the route map."""

TWENTY = [
    *OWN,
    Endpoint("POST", "/api/projects", "apiCalls"),
    Endpoint("POST", "/api/facilities", "apiCalls"),
    Endpoint("POST", "/api/calculations", "apiCalls"),
    Endpoint("POST", "/api/reports", "apiCalls"),
    Endpoint("PUT", "/api/designs/81", "apiCalls"),
    Endpoint("PUT", "/api/rooms/81", "apiCalls"),
    Endpoint("PUT", "/api/settings", "apiCalls"),
    Endpoint("PATCH", "/api/projects/81", "apiCalls"),
    Endpoint("PATCH", "/api/fixtures/81", "apiCalls"),
]
