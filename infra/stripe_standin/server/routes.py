"""How a noun says which calls it answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, Literal

from stripe import StripeObject

from infra.stripe_standin.account.state import Account

type Method = Literal["GET", "POST", "DELETE"]
type Handler[P, **Ids, R: StripeObject] = Callable[Concatenate[Account, P, Ids], R]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API.

    Attributes:
        method: The HTTP method.
        path: The path, with `{name}` for an id.
        pattern: The same as a regular expression.
        params: The SDK's TypedDict of the call.
        answer: Does it, given the account, the checked parameters and the path's ids.
    """

    method: Method
    path: str
    pattern: re.Pattern[str]
    params: type[Mapping[str, Any]]
    answer: Callable[..., StripeObject]


class Routes:
    """The calls one noun answers."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def get[P, **Ids, R: StripeObject](
        self, path: str, params: type[P]
    ) -> Callable[[Handler[P, Ids, R]], Handler[P, Ids, R]]:
        """Answer `GET path`."""
        return self._route("GET", path, params)

    def post[P, **Ids, R: StripeObject](
        self, path: str, params: type[P]
    ) -> Callable[[Handler[P, Ids, R]], Handler[P, Ids, R]]:
        """Answer `POST path`."""
        return self._route("POST", path, params)

    def delete[P, **Ids, R: StripeObject](
        self, path: str, params: type[P]
    ) -> Callable[[Handler[P, Ids, R]], Handler[P, Ids, R]]:
        """Answer `DELETE path`."""
        return self._route("DELETE", path, params)

    def _route[P, **Ids, R: StripeObject](
        self, method: Method, path: str, params: type[Any]
    ) -> Callable[[Handler[P, Ids, R]], Handler[P, Ids, R]]:
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

        def register(answer: Handler[P, Ids, R]) -> Handler[P, Ids, R]:
            self.all.append(Route(method, path, pattern, params, answer))
            return answer

        return register
