"""The doors that sealed sums go through, and the one over HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from tollkeeper.client.api import Api, NotAnsweredError
from tollkeeper.client.sums import SealedSum

MOST_RECORDS = 1_000
MOST_BODY_BYTES = 900_000
SEND_SECONDS = 20.0


class DoorClosedError(Exception):
    """Nothing is known to have been taken; the same is sent again, not before `retry_after` seconds."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Handover:
    """What became of sums: those that were taken, and those that were refused for good, with the reason.

    What is in neither is sent again.
    """

    taken: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)


class Door(Protocol):
    """Where sealed sums go."""

    def send(self, sums: Sequence[SealedSum], timeout: float) -> Handover:
        """Hand over some of the sums, in their order, as many as go at once.

        Raises:
            DoorClosedError: none is known to have been taken.
        """


class HttpDoor:
    """`POST /usage`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._most = MOST_RECORDS

    def send(self, sums: Sequence[SealedSum], timeout: float) -> Handover:
        """Hand over as many as one body may hold.

        Raises:
            DoorClosedError: none is known to have been taken.
        """
        sums = fitting(sums[: self._most], MOST_BODY_BYTES)
        body = f'{{"records":[{",".join(each.text for each in sums)}]}}'.encode()
        try:
            answer = self._api.call("POST", "/usage", body, min(timeout, SEND_SECONDS))
        except NotAnsweredError as error:
            raise DoorClosedError(str(error)) from error
        if answer.status == HTTPStatus.ACCEPTED:
            self._most = MOST_RECORDS
            return _handover(sums, answer.json())
        if answer.status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}:
            # One of them may be the reason: fewer at once, until it stands alone.
            if len(sums) == 1:
                return Handover(refused={sums[0].id: f"{answer.status} {answer.body[:200]!r}"})
            self._most = len(sums) // 2
            return Handover()
        raise DoorClosedError(f"POST /usage was answered {answer.status}", answer.retry_after)


def fitting(sums: Sequence[SealedSum], most_bytes: int) -> list[SealedSum]:
    """Return the first sums whose texts together are not too long, one at least."""
    size = 0
    for number, each in enumerate(sums):
        size += len(each.text) + 1
        if size > most_bytes and number:
            return list(sums[:number])
    return list(sums)


def _handover(sums: Sequence[SealedSum], body: Mapping[str, object]) -> Handover:
    rejected = body.get("rejected")
    refused: dict[str, str] = {}
    again: set[str] = set()
    for each in rejected if isinstance(rejected, list) else []:
        index = each.get("index") if isinstance(each, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(sums):
            continue
        if each.get("retryable"):
            again.add(sums[index].id)
        else:
            refused[sums[index].id] = f"{each.get('error')}: {each.get('message')}"
    return Handover(frozenset(each.id for each in sums) - refused.keys() - again, refused)
