"""`dashboard`: the operator's page as a process, and its accounts from the command line."""

import errno
import logging
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, cast

import typer
import uvicorn

from dashboard.app import create_app
from dashboard.people import accounts_cli
from dashboard.people.first import make_first_account
from dashboard.site import Site
from edge.errors import EdgeError
from edge.ledger.page_access import check_page
from edge.logs import logs_json, start_logging
from edge.process import follow_parent
from edge.settings import Settings

USER_ERROR = 2
log = logging.getLogger(__name__)
app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.add_typer(accounts_cli.app, name="accounts")


class PageServer(uvicorn.Server):
    """A server whose event streams end on SIGINT or SIGTERM; uvicorn alone would wait for their clients to leave."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._site = cast(Site, config.app.state.site)  # type: ignore[union-attr]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams, then the server."""
        self._site.stopping.set()
        super().handle_exit(sig, frame)


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Folder of the record. [default: edge-data]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8765]")] = None,
) -> None:
    """Show the operator's page. Waits for a record if there is none yet.

    On loopback it opens at once. On any other address it needs accounts, and a certificate (EDGE_PAGE_CERTIFICATE,
    EDGE_PAGE_KEY) or the address of the proxy that speaks HTTPS for it (EDGE_PAGE_PROXY).
    """
    if context.invoked_subcommand is not None:
        return
    settings = Settings.read(data=data, page_host=host, page_port=port)
    start_logging(settings, "page")
    first = check_page(settings)
    if first is not None:
        make_first_account(settings.database, first)
        say(f"Made the first account: {first.name}, admin")
    with listen(settings.page_host, settings.page_port) as listener:
        scheme = "http" if settings.page_certificate is None else "https"
        say(f"Page of {settings.data.resolve()} on {scheme}://{_address(listener)} (Ctrl-C ends it)")
        serve(settings, listener)


def say(text: str) -> None:
    """Tell whoever started the page, in its log if that is JSON."""
    if logs_json():
        log.info("%s", text)
    else:
        typer.echo(text)


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises EdgeError naming host and port if they cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise EdgeError(_why_not(error, host, port)) from error
    # connections inherit it; without, an answer's body waits some 40 ms for the client to acknowledge its headers
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve the page until SIGINT or SIGTERM; both are a normal end."""
    config = server_config(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises the signal again when it is done
    try:
        server = PageServer(config)
        follow_parent(lambda: server.handle_exit(signal.SIGTERM, None))
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return


def server_config(settings: Settings) -> uvicorn.Config:
    """How uvicorn is to serve the page: over TLS with a certificate, believing a stated proxy about its clients."""
    level = {"debug": "debug", "info": "warning"}.get(settings.log_level, settings.log_level)
    return uvicorn.Config(
        create_app(settings),
        log_config=None,  # our own
        log_level=level,
        access_log=False,
        timeout_graceful_shutdown=1,
        server_header=False,
        proxy_headers=settings.page_proxy is not None,
        forwarded_allow_ips=settings.page_proxy or "",
        ssl_certfile=settings.page_certificate,
        ssl_keyfile=settings.page_key,
    )


def main() -> None:
    """Entry point: prints what the user can mend without a traceback and exits with 2."""
    try:
        app()
    except EdgeError as error:
        if logs_json():
            log.error("error: %s", error)
        else:
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
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    main()
