"""The audit: no route of a host is forgotten."""

import json
import time
from pathlib import Path
from typing import Any

import flask
import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, re_path
from django.urls import path as django_path
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from tests.fakes.django_host import application
from tollkeeper.catalogue import load
from tollkeeper.client import AsgiMiddleware
from tollkeeper.client.audit import HostRoute, Judgement, accepted_in, judge_routes
from tollkeeper.client.audit_command import main
from tollkeeper.client.audit_report import report
from tollkeeper.client.host_routes import UnreadableHostError, routes_of
from tollkeeper.client.testing import assert_every_route_is_mapped

SHIPPED = load()
CATALOGUE = Path("shared/tollkeeper/catalogue/catalogue.toml")
ROOT = Path(__file__).parents[3]


def judged(line: str, *accepted: str) -> Judgement:
    """What the audit says of one route."""
    method, path = line.split(" ")
    (finding,) = judge_routes([HostRoute(method, path)], SHIPPED, accepted)
    return finding.judgement


@pytest.mark.parametrize(
    ("route", "judgement"),
    [
        ("POST /api/designs", Judgement.METERED),
        ("GET /api/exports/{id}", Judgement.METERED),
        ("GET /api/designs", Judgement.READS),
        ("POST /api/login", Judgement.CATCH_ALL),
        ("PUT /api/designs/{id}", Judgement.CATCH_ALL),
        ("DELETE /api/designs/{id}", Judgement.UNMAPPED),
        ("ANY /api/anything", Judgement.UNMAPPED),
        ("ANY /api/exports/{id}", Judgement.METERED),
    ],
)
def test_each_route_is_judged(route: str, judgement: Judgement) -> None:
    """What changes something and was not thought of fails."""
    assert judgement == judged(route)


def test_a_route_is_accepted_by_its_name() -> None:
    """Whatever its parameters are called; another route is not."""
    assert Judgement.ACCEPTED == judged("PUT /api/designs/{id}", "PUT /api/designs/{design}")
    assert Judgement.CATCH_ALL == judged("PUT /api/designs/{id}", "PUT /api/designs")


def test_a_route_may_be_mapped_to_none_with_a_reason(tmp_path: Path) -> None:
    """The report says why it is not counted."""
    file = tmp_path / "catalogue.toml"
    line = '"POST /api/login" = { metric = "none", reason = "signing in is free" }'
    file.write_text((ROOT / CATALOGUE).read_text().replace("[routes]\n", f"[routes]\n{line}\n"))
    (finding,) = judge_routes([HostRoute("POST", "/api/login")], load(file))
    assert (Judgement.EXCUSED, "signing in is free") == (finding.judgement, finding.how)


def test_accepted_routes_say_why() -> None:
    """The file is reviewed like code: a line without a reason is an error."""
    assert {"POST /api/login": "free"} == accepted_in("# those\n\nPOST /api/login  # free\n")
    for wrong in ("POST /api/login", "POST api # why", "/api/login # why"):
        with pytest.raises(ValueError, match="line 1"):
            accepted_in(wrong)


def view(_: HttpRequest, **__: object) -> HttpResponse:
    """Answer."""
    return HttpResponse()


def endpoint() -> str:
    """Answer."""
    return ""


def fastapi_app() -> Any:  # noqa: ANN401 - an application
    """A host with a router, and a host mounted in another, behind a middleware."""
    router = APIRouter(prefix="/api")
    router.add_api_route("/designs", endpoint, methods=["POST"])
    more = APIRouter(prefix="/designs")
    more.add_api_route("/{id}", endpoint, methods=["PUT"])
    router.include_router(more)
    inner = FastAPI(openapi_url=None)
    inner.include_router(router)
    outer = Starlette(routes=[Mount("/", app=inner)])
    return AsgiMiddleware(outer, None, user=lambda _: None)  # type: ignore[arg-type]


def flask_app() -> flask.Flask:
    """The same in Flask."""
    app = flask.Flask(__name__, static_folder=None)
    app.add_url_rule("/api/designs", "create", endpoint, methods=["POST"])
    app.add_url_rule("/api/designs/<int:id>", "change", endpoint, methods=["PUT"])
    return app


def test_routes_are_read_from_applications_and_documents() -> None:
    """FastAPI, Flask and an OpenAPI document tell the same routes."""
    expected = {"POST /api/designs", "PUT /api/designs/{id}"}
    document = {"paths": {"/api/designs": {"post": {}}, "/api/designs/{id}": {"put": {}, "parameters": []}}}
    for host in (fastapi_app(), flask_app(), document):
        assert expected == {str(each) for each in routes_of(host)}


def test_an_unknown_kind_of_route_is_not_passed_over() -> None:
    """An audit that cannot read everything says so."""
    with pytest.raises(UnreadableHostError, match="OpenAPI"):
        routes_of(Starlette(routes=[BaseRoute()]))


def test_routes_are_read_from_django() -> None:
    """Its views answer every method, unless they are classes."""
    app = application(
        django_path("api/", include([django_path("designs/<int:id>", view)])),
        re_path(r"^files/(?P<name>[^/]+)/$", view),
    )
    assert {"ANY /api/designs/{id}", "ANY /files/{name}/"} == {str(each) for each in routes_of(app)}


def test_the_command_fails_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the routes that nobody has thought of, and the lines that the route map lacks."""
    document = tmp_path / "host.json"
    accepted = tmp_path / "accepted"
    document.write_text(json.dumps({"paths": {"/api/designs": {"post": {}, "delete": {}}}}))
    assert 1 == main(["--openapi", str(document)])
    told = capsys.readouterr().out
    assert "✗  DELETE /api/designs" in told
    assert '"DELETE /api/designs" = "…"' in told
    assert "2 routes: 1 unmapped, 1 metered" in told
    accepted.write_text("DELETE /api/designs  # gives something back\nPOST /api/gone  # was\n")
    assert 0 == main(["--openapi", str(document), "--accepted", str(accepted)])
    assert "take them out:\n\nPOST /api/gone" in capsys.readouterr().out
    assert 2 == main(["--openapi", str(tmp_path / "missing.json")])
    assert 2 == main(["--app", "nowhere:app"])


def test_a_mapping_taken_away_is_noticed(tmp_path: Path) -> None:
    """A host's own test fails and names the route."""
    document: dict[str, Any] = {"paths": {"/api/ml/predict": {"post": {}}}}
    assert_every_route_is_mapped(document)
    file = tmp_path / "catalogue.toml"
    file.write_text((ROOT / CATALOGUE).read_text().replace('"POST /api/ml/predict" = "mlPredictions"', ""))
    with pytest.raises(AssertionError, match="POST /api/ml/predict"):
        assert_every_route_is_mapped(document, catalogue=load(file))


def test_a_thousand_routes_take_less_than_a_second() -> None:
    """The report has a line for each, and what fails stands first."""
    routes = [HostRoute("POST", f"/api/{number}/{{id}}") for number in range(1_000)]
    begun = time.process_time()
    text = report(judge_routes(routes, SHIPPED))
    assert time.process_time() - begun < 1
    assert "1000 routes: 1000 catch-all" in text
