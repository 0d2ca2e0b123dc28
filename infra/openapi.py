"""The API's description, made from the functions' typed routes: `python -m infra.openapi [--check]`.

Without a flag it writes shared/tollkeeper/api/openapi.json, which the deployed API serves. With `--check` it
writes nothing and fails when that file is stale.
"""

import argparse
import importlib
import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from tollkeeper import __version__
from tollkeeper.api.bodies.failure import Failure, GatewayFailure, ValidationFailure
from tollkeeper.api.bodies.quota import ConsumeIn, ConsumeRefused, ConsumptionOut, QuotaOut, ReleaseIn
from tollkeeper.api.resolver import UserInQuery, resolver

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "shared" / "tollkeeper" / "api" / "openapi.json"
FUNCTIONS = (
    "checkout",
    "portal",
    "subscriptions",
    "invoices",
    "dashboard",
    "usage_intake",
    "coverage",
    "reader",
)
SERVICE_OPERATIONS = (
    "post /usage",
    "get /quota",
    "post /quota",
    "get /users",
    "post /coverage",
    "get /coverage",
)
"""How method and path begin where a back end's token is asked for; a user's token is, everywhere else."""

type Described = Failure | GatewayFailure | ValidationFailure | ConsumeRefused

FAILURES: Mapping[str, tuple[str, str, type[Described]]] = {
    "401": ("Unauthorized", "No token, or one that is not valid here", GatewayFailure),
    "403": ("Forbidden", "A token without the right to this", GatewayFailure),
    "413": ("TooLarge", "A body that is too large", GatewayFailure),
    "422": ("Invalid", "A request of which parts cannot be used, each named", ValidationFailure),
    "429": ("TooManyRequests", "Too many requests at once", GatewayFailure),
    "5XX": ("Unavailable", "It did not work; the same request may succeed later", GatewayFailure),
    "default": ("Failure", "Any other error, said in a sentence", Failure),
}
"""What every call may be answered with besides success: a name, what it means, and the body. Those of
`GatewayFailure` API Gateway answers too, before a function is asked or in its place."""

REFUSED = "The plan includes no more, or the overage would pass the spending cap"


def quota() -> APIGatewayHttpResolver:
    """Return the quota function's routes, which it reads by hand because a framework would cost it time."""
    app = resolver()

    def check(eventType: str, userId: UserInQuery) -> QuotaOut:  # noqa: N803, ARG001 - the contract's names, described only
        """Say whether one more is allowed, and what happens beyond the limit."""
        raise AssertionError("described here, answered in functions/quota")

    def consume(eventType: str, body: ConsumeIn) -> ConsumptionOut:  # noqa: N803, ARG001 - as above
        """Count it if it is allowed, in one write. The same id is answered the same, and counts once."""
        raise AssertionError("described here, answered in functions/quota")

    def release(eventType: str, body: ReleaseIn) -> ConsumptionOut:  # noqa: N803, ARG001 - as above
        """Give back what was consumed under an id, once, until the period is closed."""
        raise AssertionError("described here, answered in functions/quota")

    app.get("/quota/{eventType}", summary="What a user has left of a metric")(check)
    app.post("/quota/{eventType}/consume", summary="Take of a metric, if the limit allows it")(consume)
    app.post("/quota/{eventType}/release", summary="Give back what was consumed")(release)
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document of every endpoint that exists."""
    apps = [importlib.import_module(f"functions.{name}.app").app for name in FUNCTIONS]
    parts = [json.loads(app.get_openapi_json_schema()) for app in [*apps, quota()]]
    paths: dict[str, Any] = defaultdict(dict)
    for part in parts:
        for path, operations in part["paths"].items():
            paths[path] |= operations
    schemas = {name: schema for part in parts for name, schema in part["components"]["schemas"].items()}
    failures = {
        status: {"$ref": f"#/components/responses/{name}"} for status, (name, _, _) in FAILURES.items()
    }
    schemas = {name: schema for name, schema in schemas.items() if "ValidationError" not in name}
    for model in (Failure, GatewayFailure, ValidationFailure, ConsumeRefused):
        made = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**made.pop("$defs", {}), model.__name__: made}
    for path, operations in paths.items():
        for method, operation in operations.items():
            of_service = f"{method} {path}".startswith(SERVICE_OPERATIONS)
            operation["security"] = [{"serviceToken" if of_service else "userToken": []}]
            operation["responses"] |= failures
    paths["/quota/{eventType}/consume"]["post"]["responses"]["402"] = _failure(REFUSED, ConsumeRefused)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tollkeeper",
            "version": __version__,
            "description": "Subscriptions, usage and limits. Amounts are cents, times are ISO 8601 in UTC.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "responses": {
                name: _failure(description, model) for name, description, model in FAILURES.values()
            },
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "userToken": _bearer("A user's token; its subject is the userId."),
                "serviceToken": _bearer("A back end's token, with the scope that the deployment asks for."),
            },
        },
    }


def _failure(description: str, model: type[Described]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _bearer(description: str) -> dict[str, str]:
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description}


def main() -> int:
    """Write the file, or say whether it is stale."""
    parser = argparse.ArgumentParser(prog="python -m infra.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is stale")
    text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    if not parser.parse_args().check:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        print(f"{TARGET.relative_to(ROOT)} is stale: run 'make openapi'", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
