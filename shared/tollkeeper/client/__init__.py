"""Tollkeeper's client for hosts: nothing unmetered, and no request ever broken or held up by it.

`Tollkeeper` counts and asks. `AsgiMiddleware`, `WsgiMiddleware` and `lambda_middleware` do both for every
request, by the catalogue's route map. The standard library alone, for Python 3.11 and later; with boto3,
`tollkeeper.client.sqs.SqsDoor` sends usage straight to the queue, and with Powertools
`tollkeeper.client.powertools.powertools_middleware` counts the routes of its resolvers.
"""

from tollkeeper.client.asgi import AsgiMiddleware
from tollkeeper.client.aws_lambda import lambda_middleware
from tollkeeper.client.facts import UncountableError
from tollkeeper.client.permission import NotAllowedError, Permission, PermissionState
from tollkeeper.client.requests import RequestOutcome, Seen
from tollkeeper.client.sender import Pending
from tollkeeper.client.tokens import ClientCredentials, TokenError, Tokens
from tollkeeper.client.tollkeeper import Tollkeeper
from tollkeeper.client.wsgi import WsgiMiddleware

__all__ = [
    "AsgiMiddleware",
    "ClientCredentials",
    "NotAllowedError",
    "Pending",
    "Permission",
    "PermissionState",
    "RequestOutcome",
    "Seen",
    "TokenError",
    "Tokens",
    "Tollkeeper",
    "UncountableError",
    "WsgiMiddleware",
    "lambda_middleware",
]
