"""Running the explorer until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from nnmass.errors import MissingExtraError, SpecError

if TYPE_CHECKING:
    from starlette.applications import Starlette


def serve(
    app: Starlette, *, host: str, port: int, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve ``app`` until the process is interrupted.

    Args:
        app: From `explorer_app`.
        host: To listen at; another than loopback lets others read what is explored.
        port: To listen at; 0 for any that is free.
        on_ready: Called with the address once requests are taken.

    Raises:
        MissingExtraError: uvicorn is not installed.
        SpecError: The port is taken, or the host is not this machine's.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtraError.of("the explorer", package="uvicorn", extra="explore") from error
    listening = _bound(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if on_ready is not None:
                on_ready(address)

    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    try:
        Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # how it is stopped
        pass
    finally:
        listening.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise SpecError(
            f"cannot listen at {host}:{port} ({error}): choose another --port, or 0 for any"
        ) from error
    return listening
