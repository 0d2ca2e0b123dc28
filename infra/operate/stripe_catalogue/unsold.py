"""What is still for sale at Stripe, though the catalogue has it no more."""

from dataclasses import dataclass

OURS = "tollkeeper_"
"""How the ids of all products begin that were made of a catalogue."""

OVERAGE = "_overage"
"""How the ids of those end that overage is charged as."""

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Unsold:
    """An active product of a plan, or of a metric's overage, that the catalogue has no more.

    Nobody can subscribe to it any more. It is said and left alone: whether customers who pay for it are moved
    or keep it is a person's decision, and while they pay for it Stripe renews it.
    """

    product: str
    name: str
    subscriptions: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = f'! product {self.product} "{self.name}" is not in the catalogue any more'
        if self.subscriptions:
            count, shown = len(self.subscriptions), ", ".join(self.subscriptions[:SHOWN])
            more = ", …" if count > SHOWN else ""
            return (
                f"{said}, and {count} of your subscriptions pay for it ({shown}{more}): with their next "
                "period those customers have the limits of free, and go on paying. Put it back into the "
                "catalogue, or change their plan or cancel them in Stripe, then archive it there"
            )
        if self.product.endswith(OVERAGE):
            return (
                f"{said}: archive it in Stripe, but not before 35 days, for periods that began with it are "
                "charged at its price"
            )
        return f"{said}, and nobody pays for it: archive it in Stripe if you will not sell it again"
