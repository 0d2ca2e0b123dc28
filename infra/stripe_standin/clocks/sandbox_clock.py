"""The clock of the whole sandbox, which whoever plays along can share."""

from datetime import UTC, datetime


class SandboxClock:
    """The wall clock until it is set; from then on it stands still and moves forward only by being set.

    Args:
        frozen_at: Start standing at this instant (aware) instead of running.
    """

    def __init__(self, frozen_at: datetime | None = None) -> None:
        self._frozen_at = frozen_at

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen_at is not None

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self._frozen_at or datetime.now(UTC)

    def timestamp(self) -> int:
        """The present instant in whole seconds since the epoch, as Stripe writes time."""
        return int(self.now().timestamp())

    def freeze(self) -> None:
        """Stand still from now on."""
        self._frozen_at = self.now()

    def set(self, instant: datetime) -> None:
        """Stand at `instant`.

        Raises:
            ValueError: `instant` lies before the present one.
        """
        if instant < self.now():
            raise ValueError(
                f"the clock stands at {iso(self.now())} and only moves forward, not to {iso(instant)}"
            )
        self._frozen_at = instant.astimezone(UTC)


def iso(instant: datetime) -> str:
    """ISO 8601 in UTC, ending in `Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def at(timestamp: int) -> datetime:
    """The UTC instant of a Stripe timestamp."""
    return datetime.fromtimestamp(timestamp, UTC)
