"""What DynamoDB does on a bad day, done where botocore sends: the fakes themselves never do it."""

import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class BadDay:
    """Disturbs a share of a client's transactions, each kind of fault as often as the others.

    `throttle` refuses the request, `conflict` cancels it as if another writer were at its first row,
    `timeout before` loses the request, `timeout after` loses only the answer.
    """

    def __init__(self, client: "DynamoDBClient", share: float, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self._share = share
        self._random = random.Random(seed)  # noqa: S311 - repeatable chance
        self._session = URLLib3Session()
        client.meta.events.register("before-send.dynamodb.TransactWriteItems", self._send)  # type: ignore[arg-type]

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:  # noqa: ANN401 - botocore's own
        if self._random.random() >= self._share:
            return None
        fault = self._random.choice(("throttle", "conflict", "timeout before", "timeout after"))
        self.faults[fault] += 1
        match fault:
            case "throttle":
                return _answer(request, "ProvisionedThroughputExceededException")
            case "conflict":
                writes = len(json.loads(cast("bytes", request.body))["TransactItems"])
                reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (writes - 1)]
                return _answer(request, "TransactionCanceledException", CancellationReasons=reasons)
            case "timeout after":
                self._session.send(request)
        raise ReadTimeoutError(endpoint_url=request.url)


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _answer(request: AWSPreparedRequest, code: str, **more: object) -> AWSResponse:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    body = json.dumps({"__type": kind, "message": "injected", **more}).encode()
    headers = HeadersDict({"content-type": "application/x-amz-json-1.0"})
    return AWSResponse(request.url, 400, headers, _Body(body))  # type: ignore[arg-type]
