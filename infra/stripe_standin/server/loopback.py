"""Listening on this machine only."""

import socket


def listen(port: int = 0) -> tuple[socket.socket, str]:
    """A listening loopback socket and its URL, without a trailing slash; port 0 takes a free one.

    The protocol is named because asyncio switches Nagle's algorithm off only then; otherwise each answer
    waits 40 ms for the client's delayed acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"
