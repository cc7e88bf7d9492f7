"""Laid before a server's own modules by a test: writes down every address that the server itself turns to."""

import os
import sys

_HEARD = os.open(os.environ["BAIKOO_TEST_OVERHEARD"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        os.write(_HEARD, f"{event} {arguments[1]!r}\n".encode())
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
        os.write(_HEARD, f"{event} {arguments[0]!r}\n".encode())


sys.addaudithook(_listen)
