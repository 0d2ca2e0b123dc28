"""A host as Tollkeeper's users have one: twenty endpoints, metered by one line, no call in any of them."""
