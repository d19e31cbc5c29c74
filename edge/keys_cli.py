"""`edge keys`: who may speak to the worker over a network, and how they know that it is the worker."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.command_options import AsJson, Data, print_json
from edge.line.key_files import KeyFiles
from edge.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Keys of the encrypted wire between cameras and a worker on another machine.

    \b
    where the worker is     edge keys make worker            prints the worker's public key, WORKER
    where the camera is     edge keys make NAME              prints the camera's public key, CAMERA
                            edge keys trust WORKER
    where the worker is     edge keys allow NAME CAMERA

    Secret keys never leave their machine. A key belongs to one camera name; a running worker follows `allow` and
    `revoke` within a second.
    """,
)

Name = Annotated[str, typer.Argument(help="A camera's name, as in `edge capture --name`.")]
Public = Annotated[str, typer.Argument(help="A public key, 64 hexadecimal digits.")]
Replace = Annotated[bool, typer.Option("--replace", help="Make a new key in place of the one that is there.")]


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="`worker`, or a camera's name as in `edge capture --name`.")],
    replace: Replace = False,
    data: Data = None,
) -> None:
    """Make a key pair here and print its public key; the secret one stays in a file of this user alone."""
    public = _files(data).make(name, replace=replace)
    sys.stdout.write(f"{public.hex()}\n")


@app.command()
def allow(name: Name, key: Public, data: Data = None) -> None:
    """Let whoever has this key be this camera; a camera may have several, so that a key can be changed unnoticed."""
    count = _files(data).allow(name, key)
    more = "" if count == 1 else f" It has {count} keys now; take an old one back: edge keys revoke {name} KEY"
    sys.stdout.write(f"camera {name} may send frames with this key.{more}\n")


@app.command()
def trust(key: Public, data: Data = None) -> None:
    """Take the worker with this key for ours: the cameras here speak to no other."""
    _files(data).trust(key)
    sys.stdout.write("the cameras here speak to the worker with this key\n")


@app.command()
def revoke(
    name: Name, key: Annotated[str | None, typer.Argument(help="Only this key.")] = None, data: Data = None
) -> None:
    """Take a camera's keys back. A running worker turns it away within a second."""
    left = _files(data).revoke(name, key)
    sys.stdout.write(f"camera {name} has {left} keys left\n")


@app.command("list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """Show the public keys that are here; never a secret one."""
    files = _files(data)
    own, allowed, trusted = files.own(), files.allowed(), files.trusted()
    if as_json:
        print_json({"own": own, "allowed": allowed, "trusted": trusted})
        return
    for name, key in own.items():
        sys.stdout.write(f"own      {name:20} {key}\n")
    if trusted:
        sys.stdout.write(f"trusted  {'worker':20} {trusted}\n")
    for name, keys in allowed.items():
        for key in keys:
            sys.stdout.write(f"allowed  {name:20} {key}\n")
    if not (own or allowed or trusted):
        sys.stdout.write(f"no keys in {files.folder}; begin with `edge keys make`\n")


def _files(data: Path | None) -> KeyFiles:
    return KeyFiles(Settings.read(data=data).keys)
