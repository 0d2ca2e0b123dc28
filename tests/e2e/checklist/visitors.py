"""Who uses a host that the stack under test meters, and knows nothing of that."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.e2e.callers import Callers, soon

DESIGN, EXPORT, MODEL, PREDICTION, CALL = (
    f"/api/{each}"
    for each in ("designs", "design/export", "ai-assistant/globalgap", "ml/predict", "projects")
)
DASHBOARD = "/api/facilities/dashboard"


class Visitor:
    """Somebody who is signed in at the host."""

    def __init__(self, host: httpx.Client, callers: Callers, user_id: str) -> None:
        self.user_id = user_id
        self._host = host
        self._callers = callers

    def post(self, path: str) -> httpx.Response:
        """Have something made, as the host's pages do."""
        return self._host.post(path, json={"name": "one"}, headers={"x-user": self.user_id})

    def get(self, path: str) -> httpx.Response:
        """Look at something."""
        return self._host.get(path, headers={"x-user": self.user_id})

    def post_all(self, paths: list[str]) -> Mapping[int, int]:
        """Have many things made, several at once; return how often each status was answered."""
        with ThreadPoolExecutor(4) as several:
            return Counter(answer.status_code for answer in several.map(self.post, paths))

    def shown(self) -> dict[str, Any]:
        """What `GET /subscription` shows them."""
        found: dict[str, Any] = self._callers.user(self.user_id).get("/subscription").json()
        return found

    def usage(self, expected: Mapping[str, int]) -> dict[str, int]:
        """Return what they have used of anything, once it is as expected or it is too late."""

        def used() -> dict[str, int]:
            return {metric: number for metric, number in self.shown()["usage"].items() if number}

        return soon(used, lambda seen: seen == expected)
