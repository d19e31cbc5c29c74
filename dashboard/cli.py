"""`dashboard`: the operator's page as a process."""

import errno
import ipaddress
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from dashboard.app import create_app
from dashboard.site import Site
from edge.errors import EdgeError
from edge.process import follow_parent
from edge.settings import Settings

USER_ERROR = 2


class PageServer(uvicorn.Server):
    """A server whose event streams end on SIGINT or SIGTERM; uvicorn alone would wait for their clients to leave."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams, then the server."""
        self._site.stopping.set()
        super().handle_exit(sig, frame)


def run(
    data: Annotated[Path | None, typer.Option(help="Folder of the record. [default: edge-data]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8765]")] = None,
) -> None:
    """Show the operator's page: counts, and flagged frames as they come. Waits for a record if there is none yet."""
    settings = Settings.read(data=data, page_host=host, page_port=port)
    with listen(settings.page_host, settings.page_port) as listener:
        typer.echo(f"Page of {settings.data.resolve()} on {_address(listener)} (Ctrl-C ends it)")
        if not is_loopback(settings.page_host):
            typer.echo(
                f"Warning: {settings.page_host} can be reached from other machines, and this page has no accounts yet: "
                "whoever reaches it sees every picture. Use it on a trusted network only.",
                err=True,
            )
        serve(settings, listener)


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises EdgeError naming host and port if they cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise EdgeError(_why_not(error, host, port)) from error


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve the page until SIGINT or SIGTERM; both are a normal end."""
    app = create_app(settings)
    level = {"debug": "debug", "info": "warning"}.get(settings.log_level, settings.log_level)
    config = uvicorn.Config(app, log_level=level, access_log=False, timeout_graceful_shutdown=1, server_header=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises the signal again when it is done
    try:
        server = PageServer(config, app.state.site)
        follow_parent(lambda: server.handle_exit(signal.SIGTERM, None))
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main() -> None:
    """Entry point: prints what the user can mend without a traceback and exits with 2."""
    try:
        typer.run(run)
    except EdgeError as error:
        typer.echo(f"dashboard: {error}", err=True)
        sys.exit(USER_ERROR)


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use, perhaps by another page. End that one, or choose: --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has. Choose one above 1023, for example --port 8765"
    return f"cannot listen on {host}, port {port}: {error.strerror or error}. Use --host 127.0.0.1, or 0.0.0.0 for all."


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    main()
