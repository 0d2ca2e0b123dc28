"""What a browser is answered: a page, a file, or another address; one user's, which nobody else may keep."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

PRIVATE: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
"""What goes with every answer."""


def page(html: str, headers: Mapping[str, str], status: int = HTTPStatus.OK.value) -> dict[str, Any]:
    """Answer with a page, and the headers that are every page's."""
    return {"statusCode": status, "headers": {**PRIVATE, **headers}, "body": html}


def file(text: str, content_type: str, name: str) -> dict[str, Any]:
    """Answer with a file that the browser saves under a name."""
    saved_as = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    disposition = f'attachment; filename="{saved_as}"'
    headers = {**PRIVATE, "Content-Type": content_type, "Content-Disposition": disposition}
    return {"statusCode": HTTPStatus.OK.value, "headers": headers, "body": text}


def redirect(location: str) -> dict[str, Any]:
    """Send the browser to another address, which it asks for with GET."""
    headers = {**PRIVATE, "Location": location}
    return {"statusCode": HTTPStatus.SEE_OTHER.value, "headers": headers, "body": ""}
