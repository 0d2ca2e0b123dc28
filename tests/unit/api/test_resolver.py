"""The HTTP API through a framework."""

from base64 import b64encode
from typing import Any

from tests.fakes.api_gateway import Answer, call
from tests.fakes.runtime import FakeContext
from tollkeeper.api.bodies.subscription import SpendingCap
from tollkeeper.api.resolver import handler_of, resolver

app = resolver()


@app.put("/cap")
def cap(body: SpendingCap) -> SpendingCap:
    """Answer what was sent."""
    return body


def put(body: str, *, encoded: bool = False) -> Answer:
    """Send a body, perhaps as API Gateway hands over what its sender does not call JSON."""

    def handler(event: dict[str, Any], context: FakeContext) -> dict[str, Any]:
        if encoded:
            event |= {"body": b64encode(body.encode()).decode(), "isBase64Encoded": True, "headers": {}}
        return handler_of(app, lambda _: None)(event, context)

    return call(handler, "PUT", "/cap", body)


def test_a_body_is_json_whatever_its_sender_calls_it() -> None:
    """API Gateway then hands it over in base64."""
    assert (200, {"amount": 7}) == put('{"amount": 7}', encoded=True)[:2]


def test_a_body_counts_as_many_bytes_as_it_has() -> None:
    """In base64 they are a third more, and not too many."""
    full = '{"amount": 7}'.ljust(1_048_576)
    assert [200, 413] == [put(body, encoded=True).status for body in (full, full + " ")]
    assert [200, 413] == [put(body).status for body in (full, full + " ")]
