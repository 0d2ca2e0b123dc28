"""Time: the sandbox clock, Stripe's test clocks, and what falls due when they move."""
