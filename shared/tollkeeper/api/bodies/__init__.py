"""The bodies of requests and replies, as the public contract has them: JSON, camelCase, cents, UTC."""
