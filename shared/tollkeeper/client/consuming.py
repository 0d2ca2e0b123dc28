"""A block around which something is consumed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tollkeeper.client.permission import NotAllowedError, Permission

if TYPE_CHECKING:
    from tollkeeper.client.tollkeeper import Tollkeeper


class MeteredBlock:
    """Consumes on entering, and releases on leaving with an exception.

    Raises:
        NotAllowedError: on entering, the user may not.
    """

    def __init__(
        self,
        tollkeeper: "Tollkeeper",
        user: str,
        metric: str,
        quantity: int,
        facility: str | None,
        data: Mapping[str, object] | None,
    ) -> None:
        self._tollkeeper = tollkeeper
        self._wish = (user, metric, quantity)
        self._more = (facility, data)
        self._permission: Permission | None = None

    def __enter__(self) -> Permission:
        facility, data = self._more
        return self._allowed(self._tollkeeper.consume(*self._wish, facility=facility, data=data))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._permission is not None:
            self._tollkeeper.settle(self._permission, succeeded=kind is None)

    async def __aenter__(self) -> Permission:
        facility, data = self._more
        return self._allowed(await self._tollkeeper.consume_async(*self._wish, facility=facility, data=data))

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.__exit__(kind)

    def track(self) -> None:
        """Count it as what has happened, instead."""
        facility, data = self._more
        self._tollkeeper.track(*self._wish, facility=facility, data=data)

    def _allowed(self, permission: Permission) -> Permission:
        if not permission.allowed:
            self._tollkeeper.settle(permission, succeeded=False)
            raise NotAllowedError(permission)
        self._permission = permission
        return permission
