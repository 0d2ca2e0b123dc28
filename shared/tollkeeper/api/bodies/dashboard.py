"""The link to the usage page."""

from datetime import datetime

from tollkeeper.api.bodies.model import Body


class DashboardLinkOut(Body):
    """Where to send the user's browser, once, and until when."""

    url: str
    good_until: datetime
