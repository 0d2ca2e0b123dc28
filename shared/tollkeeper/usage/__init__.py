"""Usage: judged at either door, queued, counted (DESIGN rules 1, 2 and 4). Nothing of HTTP stands here."""
