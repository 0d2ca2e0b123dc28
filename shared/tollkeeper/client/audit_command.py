"""`tollkeeper-audit`: every route of a host, what it counts as, and exit code 1 if one was forgotten."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tollkeeper.catalogue import CatalogueError, load
from tollkeeper.client.audit import accepted_in, gone, judge_routes
from tollkeeper.client.audit_report import report
from tollkeeper.client.host_routes import UnreadableHostError, application, routes_of


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(prog="tollkeeper-audit", description=__doc__)
    host = parser.add_mutually_exclusive_group(required=True)
    host.add_argument("--openapi", type=Path, help="the host's OpenAPI document, as JSON")
    host.add_argument("--app", help="the host's application, as module:app")
    parser.add_argument("--catalogue", type=Path, help="the catalogue; by default the one that ships along")
    parser.add_argument("--accepted", type=Path, help="a file of accepted routes: POST /path  # why")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit a host; return 0 if every route was thought of, 1 if not, 2 if nothing could be said."""
    options = parser().parse_args(arguments)
    try:
        document = json.loads(options.openapi.read_text("utf-8")) if options.openapi else None
        routes = routes_of(application(options.app) if options.app else document)
        catalogue = load(options.catalogue)
        accepted = accepted_in(options.accepted.read_text("utf-8")) if options.accepted else {}
    except (CatalogueError, OSError, UnreadableHostError, ValueError) as error:
        sys.stderr.write(f"tollkeeper-audit: {error}\n")
        return 2
    findings = judge_routes(routes, catalogue, accepted)
    sys.stdout.write(report(findings, gone(routes, accepted)) + "\n")
    return int(any(each.judgement.fails for each in findings))


if __name__ == "__main__":
    sys.exit(main())
