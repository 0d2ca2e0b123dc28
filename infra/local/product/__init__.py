"""A product to click through: sign up, subscribe, use it, see what that costs, and let time pass."""
