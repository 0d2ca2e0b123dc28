"""What a deployer decides with each deploy: the catalogue, and parameters of the template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.places import ROOT

SHIPPED = ROOT / "shared" / "tollkeeper" / "catalogue" / "catalogue.toml"


@dataclass(frozen=True)
class Edition:
    """What is sold, and the template's parameters that are not the local stack's own."""

    catalogue: Path = SHIPPED
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say in what it differs from what is shipped."""
        catalogue = "the shipped catalogue" if self.catalogue == SHIPPED else str(self.catalogue)
        given = [f"{name}={value}" for name, value in self.parameters.items()]
        return f"with {' and '.join([catalogue, *given])}"


AS_SHIPPED = Edition()
