"""What every page tells the browser not to do: it may load nothing, run nothing, and be framed by nobody."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

STYLE = (Path(__file__).parent / "templates" / "style.css").read_text()
"""The one style sheet, which stands in each page."""

_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{_STYLE_HASH}'",
        "img-src data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Strict-Transport-Security": "max-age=31536000",
    "Vary": "Accept-Language",
    "X-Frame-Options": "DENY",
}
"""What goes with every page, beside what goes with every answer to a browser."""
