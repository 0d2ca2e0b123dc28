"""Django, set up once for all tests, with the URLs of the one that runs."""

from collections.abc import Sequence
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import clear_url_caches


class Urls:
    """What Django asks for its URLs."""

    urlpatterns: Sequence[Any] = ()


def application(*urls: Any) -> Any:  # noqa: ANN401 - Django is not typed
    """Return an application of Django's with these URLs; its errors are raised as they are."""
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=Urls, ALLOWED_HOSTS=["*"], DEBUG_PROPAGATE_EXCEPTIONS=True, LOGGING_CONFIG=None
        )
        django.setup()
    Urls.urlpatterns = urls
    clear_url_caches()
    return get_wsgi_application()
