"""The least that takes a file over a socket and makes it durable: `python -m bench.receiver`.

Serves one connection after the other: eight bytes of length, then the bytes, answered by one byte
once they are written to `received` in this folder and synchronised. It prints its port.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

MIB = 1024 * 1024


def receive(connection: socket.socket, file: int) -> None:
    buffer = memoryview(bytearray(MIB))
    left = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    while left:
        count = connection.recv_into(buffer)
        if not count:
            raise EOFError("the sender is gone")
        left -= count
        written = 0
        while written < count:
            written += os.write(file, buffer[written:count])
    os.fsync(file)
    connection.sendall(b".")


def main() -> None:
    place = Path("received")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection, place.open("wb", buffering=0) as file:
                receive(connection, file.fileno())
            place.unlink()


if __name__ == "__main__":
    main()
