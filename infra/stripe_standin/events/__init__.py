"""Events, where they are sent, and the deliveries."""
