"""The routes of a host: from its OpenAPI document, or from its application (Starlette, Flask, Django)."""

import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tollkeeper.client.audit import ANY, HostRoute

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class UnreadableHostError(Exception):
    """The host's routes cannot be read; the message says what was expected."""


def routes_of(host: object) -> list[HostRoute]:
    """Return the routes of an OpenAPI document or an application.

    Raises:
        UnreadableHostError: it is neither.
    """
    if isinstance(host, Mapping):
        if not isinstance(host.get("paths"), Mapping):
            raise UnreadableHostError("an OpenAPI document has an object `paths`")
        return list(_in_document(host))
    for app in _layers(host):
        if hasattr(app, "url_map"):
            return list(_in_flask(app))
        if hasattr(app, "routes"):
            return list(_in_starlette(app, ""))
        if type(app).__module__.startswith("django."):
            resolver = importlib.import_module("django.urls").get_resolver()
            return list(_in_django(resolver.url_patterns, ""))
    raise UnreadableHostError(
        f"{host!r} is no application of FastAPI, Starlette, Flask or Django; hand over its OpenAPI document"
    )


def application(name: str) -> object:
    """Import an application by its name, `module:app` or `module:factory()`, from the present folder too.

    Raises:
        UnreadableHostError: there is none of the name.
    """
    module, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
        for part in (attribute or "app").removesuffix("()").split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UnreadableHostError(f"{name}: {error}") from error
    return found() if attribute.endswith("()") else found


def _layers(host: Any) -> Iterator[Any]:  # noqa: ANN401 - an application may be anything
    """An application, and what middleware wraps; each keeps it under a name of its own."""
    seen: set[int] = set()
    while host is not None and id(host) not in seen:
        seen.add(id(host))
        yield host
        host = next(
            (getattr(host, name) for name in ("app", "_app", "wsgi_app") if hasattr(host, name)),
            getattr(host, "__self__", None),
        )


def _in_document(document: Mapping[str, Any]) -> Iterator[HostRoute]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if isinstance(item, Mapping) and method in item:
                yield HostRoute(method.upper(), str(path))


def _in_starlette(app: Any, prefix: str) -> Iterator[HostRoute]:  # noqa: ANN401 - the same
    for route in app.routes:
        path = prefix + str(getattr(route, "path", ""))
        if hasattr(route, "endpoint"):
            # What has no methods is a WebSocket, whose messages no route map can tell apart.
            for method in sorted(getattr(route, "methods", ()) or ()):
                if method != "HEAD":
                    yield HostRoute(method, path)
        elif getattr(route, "routes", None):
            yield from _in_starlette(route, path)
        elif hasattr(route, "original_router"):  # FastAPI includes routers as they are
            yield from _in_starlette(route.original_router, prefix + route.include_context.prefix)
        elif hasattr(route, "app"):
            mounted = next((each for each in _layers(route.app) if hasattr(each, "url_map")), None)
            if mounted is None:
                yield HostRoute("GET" if _is_files(route.app) else ANY, f"{path}/{{below}}")
            else:
                yield from (HostRoute(each.method, path + each.path) for each in _in_flask(mounted))
        else:
            raise UnreadableHostError(f"{route!r} is no known kind of route; hand over an OpenAPI document")


def _is_files(app: object) -> bool:
    return type(app).__name__ == "StaticFiles"


def _in_flask(app: Any) -> Iterator[HostRoute]:  # noqa: ANN401 - the same
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or {ANY}) - {"HEAD", "OPTIONS"}):
            yield HostRoute(method, re.sub(r"<(?:[^<>]*:)?([^<>]+)>", r"{\1}", rule.rule))


def _in_django(patterns: Any, prefix: str) -> Iterator[HostRoute]:  # noqa: ANN401 - the same
    for pattern in patterns:
        path = prefix + _django_path(str(pattern.pattern))
        if hasattr(pattern, "url_patterns"):
            yield from _in_django(pattern.url_patterns, path)
            continue
        for method in _django_methods(pattern.callback):
            yield HostRoute(method, f"/{path}")


def _django_methods(view: Any) -> list[str]:  # noqa: ANN401 - the same
    """The methods that a class answers; a function may answer all."""
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    actions = getattr(view, "actions", None)  # of a viewset of REST framework
    if actions:
        return sorted(name.upper() for name in actions)
    if kind is None:
        return [ANY]
    return [name.upper() for name in METHODS if name not in {"options", "head"} and hasattr(kind, name)]


def _django_path(pattern: str) -> str:
    """A pattern as a path: `<int:id>` and named groups become parameters, other groups too."""
    path = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", pattern)
    path = re.sub(r"<(?:[^<>]*:)?([^<>]+)>", r"{\1}", path)
    path = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "{group}", path)
    return path.replace("\\Z", "").strip("^$").replace("\\", "")
