"""One request and its answer: read to the byte, and broken where it is no answer."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.client.exchange import BrokenExchangeError, exchange


def answered(answer: bytes) -> tuple[int, bytes, bool]:
    """Return what is read of an answer after which the other side hangs up."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        ours.settimeout(1)
        read = exchange(ours, b"x")
    return read.status, read.body, read.is_last


@given(st.binary(max_size=50), st.integers(1, 7))
def test_a_body_is_read_as_it_was_sent(body: bytes, size: int) -> None:
    """With its length, in chunks, and to the end of the connection."""
    head = b"HTTP/1.1 200 OK\r\nX-Y: z\r\n"
    whole = b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    chunked += b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"
    assert (200, body, False) == answered(head + whole)
    assert (200, body, False) == answered(head + chunked)
    assert (200, body, True) == answered(head + b"\r\n" + body)
    assert (200, body, True) == answered(head + b"Connection: close\r\n" + whole)
    assert (200, body, False) == answered(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + head + whole)


@given(st.data())
def test_an_answer_that_breaks_off_is_broken(data: st.DataObject) -> None:
    """Wherever it is cut, and nothing is taken for an answer that was not sent whole."""
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"
    with pytest.raises(BrokenExchangeError):
        answered(answer[: data.draw(st.integers(0, len(answer) - 1))])


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + 300 * b"A: b\r\n" + b"\r\n",
    ],
)
def test_what_is_no_answer_is_broken(answer: bytes) -> None:
    """Nobody guesses what another protocol means."""
    with pytest.raises(BrokenExchangeError):
        answered(answer)
