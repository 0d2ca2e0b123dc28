"""One request and its answer on a kept connection.

http.client sends a request in two pieces and parses headers as if they were a mail's, which takes half of the
time that the client has in a host's request.
"""

import socket
from dataclasses import dataclass
from http import HTTPStatus
from io import BufferedReader

from tollkeeper import __version__

USER_AGENT = f"tollkeeper-client/{__version__}"
"""What the client calls itself wherever it asks."""

MOST_ANSWER_BYTES = 4_000_000
MOST_LINE_BYTES = 65_536
MOST_HEADERS = 200


class BrokenExchangeError(ConnectionError):
    """What came is no answer of HTTP/1.1, or not all of it."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came; the names of `headers` are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    is_last: bool
    """Whether the other side closes the connection now."""


def exchange(connection: socket.socket, request: bytes) -> RawAnswer:
    """Send a request and read its answer.

    Raises:
        OSError: it takes longer than the connection's time limit allows, or the connection is closed.
        BrokenExchangeError: what came is no answer.
    """
    connection.sendall(request)
    with connection.makefile("rb") as answer:
        status, headers = _head(answer)
        while status < HTTPStatus.OK:
            status, headers = _head(answer)
        is_last = headers.get(b"connection", b"").lower() == b"close"
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            return RawAnswer(status, headers, _chunks(answer), is_last)
        length = headers.get(b"content-length")
        if length is None:
            body = b"" if status == HTTPStatus.NO_CONTENT else answer.read(MOST_ANSWER_BYTES)
            return RawAnswer(status, headers, body, is_last=status != HTTPStatus.NO_CONTENT or is_last)
        return RawAnswer(status, headers, _exactly(answer, _number(length, 10)), is_last)


def _head(answer: BufferedReader) -> tuple[int, dict[bytes, bytes]]:
    parts = _line(answer).split(None, 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.1"):  # noqa: PLR2004 - version and status
        raise BrokenExchangeError(f"no answer of HTTP/1.1: {parts!r:.99}")
    status = _number(parts[1], 10)
    headers: dict[bytes, bytes] = {}
    for _ in range(MOST_HEADERS):
        line = _line(answer)
        if not line:
            return status, headers
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    raise BrokenExchangeError("too many headers")


def _line(answer: BufferedReader) -> bytes:
    line = answer.readline(MOST_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise BrokenExchangeError("the answer breaks off")
    return line.strip()


def _chunks(answer: BufferedReader) -> bytes:
    body = b""
    while size := _number(_line(answer).partition(b";")[0], 16):
        body += _exactly(answer, size)
        if _line(answer) or len(body) > MOST_ANSWER_BYTES:
            raise BrokenExchangeError("chunks that are none, or too many")
    while _line(answer):
        pass  # trailers
    return body


def _exactly(answer: BufferedReader, size: int) -> bytes:
    if size > MOST_ANSWER_BYTES:
        raise BrokenExchangeError(f"{size} bytes are too many")
    body = answer.read(size)
    if len(body) < size:
        raise BrokenExchangeError("the answer breaks off")
    return body


def _number(text: bytes, radix: int) -> int:
    try:
        number = int(text, radix)
    except ValueError as error:
        raise BrokenExchangeError(f"no number: {text!r:.99}") from error
    if number < 0:
        raise BrokenExchangeError(f"a negative length: {number}")
    return number
