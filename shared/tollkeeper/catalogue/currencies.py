"""How a currency's amounts are written (docs.stripe.com/currencies)."""

import re

_WITHOUT = re.compile("bif|clp|djf|gnf|jpy|kmf|krw|mga|pyg|rwf|ugx|vnd|vuv|xaf|xof|xpf")
_WITH_THREE = re.compile("bhd|jod|kwd|omr|tnd")


def decimal_places(currency: str) -> int:
    """How many decimal places the amounts of a currency have, by its code in lower case."""
    if _WITHOUT.fullmatch(currency):
        return 0
    return 3 if _WITH_THREE.fullmatch(currency) else 2
