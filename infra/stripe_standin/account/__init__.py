"""The account: every object it holds, made of the SDK's own classes, and the events it tells."""
