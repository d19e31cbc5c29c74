"""`edge models`: the local store of encoder weights."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from edge.settings import Settings

if TYPE_CHECKING:
    from edge.vision.store import Record

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Weights of the open_clip encoders, kept in a local store.

    `lite` needs none of this. With a network: `edge models fetch ViT-L-14-336:openai`. Without: get the file on another
    machine and `edge models add ViT-L-14-336:openai FILE`. After that nothing is downloaded, ever:
    `edge run --encoder ViT-L-14-336:openai` reads the store.

    The store lies in ~/.local/share/edge-inspection/models, or in EDGE_MODELS.
    """,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout; everything else on stderr.")]
ENCODER_HELP = "NAME:TAG, for example ViT-B-16-plus-240:laion400m_e31."
ACTIVATION_HELP = "Only for a tag of your own: what the weights were trained with, gelu or quick_gelu."


@app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(help="Show what is published for this architecture instead.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Read every stored file and compare its sha256.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is in the store, and which encoders the two papers use; with NAME, its published tags."""
    models = Settings.read().models.expanduser()
    if name:
        _list_published(models, name, as_json=as_json)
    else:
        _list_stored(models, check=check, as_json=as_json)


@app.command()
def fetch(encoder: Annotated[str, typer.Argument(help=ENCODER_HELP)], as_json: AsJson = False) -> None:
    """Download published weights and put them into the store. The only command of all that downloads anything."""
    from edge.vision import fetch as fetching

    Console(stderr=True).print(f"fetching {encoder}", markup=False, highlight=False)
    record = fetching.fetch(Settings.read().models, encoder)  # open_clip shows rate and time left
    _print_added(record, as_json=as_json)


@app.command()
def add(
    encoder: Annotated[str, typer.Argument(help="NAME:TAG, a published tag or one of your own for your own weights.")],
    file: Annotated[Path, typer.Argument(help="The weights: .safetensors, .pt, .pth or .bin.")],
    activation: Annotated[Literal["gelu", "quick_gelu"] | None, typer.Option(help=ACTIVATION_HELP)] = None,
    as_json: AsJson = False,
) -> None:
    """Put a weight file into the store: convert it to safetensors, check that it fits, note what it must be run with.

    Runs nothing that comes with the file. Your own weights are run with CLIP's colour normalisation.
    """
    from edge.vision import store

    with Console(stderr=True).status(f"adding {encoder}"):
        record = store.add(Settings.read().models, encoder, file, activation=activation)
    _print_added(record, as_json=as_json)
    _print_unverified(record)


def _list_stored(models: Path, *, check: bool, as_json: bool) -> None:
    from edge.vision import store
    from edge.vision.clip_models import DEFAULT_MODELS

    records = store.entries(models)
    for record in records if check else []:
        store.check(models, record)
    if as_json:
        stored = [record.model_dump(mode="json") for record in records]
        _print_json({"models": str(models), "stored": stored, "checked": check, "defaults": DEFAULT_MODELS})
        return
    table = Table("encoder", "GB", "activation", "sha256", "from", title=f"in {models}", title_justify="left")
    for record in records:
        size = f"{record.bytes / 1e9:.2f}"
        table.add_row(record.encoder, size, record.activation, record.sha256[:12] + "…", record.source)
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(table if records else f"the store {models} is empty")
    console.print("every file is as it was stored" if check else "", end="\n" if check else "")
    for encoder, use in DEFAULT_MODELS.items():
        there = encoder in {record.encoder for record in records}
        console.print(f"{encoder}: {use}; {'in the store' if there else f'edge models fetch {encoder}'}", markup=False)


def _list_published(models: Path, name: str, *, as_json: bool) -> None:
    import open_clip

    from edge.vision import store
    from edge.vision.clip_models import check_architecture, has_text_tower, published, published_size

    check_architecture(name)
    tags = {tag: published(name, tag) for tag in open_clip.list_pretrained_tags_by_model(name)}
    rows: list[dict[str, Any]] = [
        {
            "encoder": f"{name}:{tag}",
            "activation": listed.needs.activation,
            "stored": store.find(models, name, tag) is not None,
            "from": listed.places,
        }
        for tag, listed in tags.items()
        if listed
    ]
    if as_json:
        _print_json({"name": name, "input_size": published_size(name), "text": has_text_tower(name), "tags": rows})
        return
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    text = "reads texts" if has_text_tower(name) else "no text tower here: open_clip does not carry its tokenizer"
    console.print(f"{name}: published for {published_size(name)} px; {text}", markup=False)
    for row in rows:
        there = " (in the store)" if row["stored"] else ""
        console.print(f"{row['encoder']}{there}: {row['activation']}; {row['from']}", markup=False)


def _print_added(record: "Record", *, as_json: bool) -> None:
    if as_json:
        _print_json(record.model_dump(mode="json"))
        return
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(
        f"{record.encoder} is in the store: {record.bytes / 1e9:.2f} GB, {record.activation}, sha256 {record.sha256}",
        markup=False,
    )
    console.print(f"Use it: --encoder {record.encoder}", markup=False)


def _print_unverified(record: "Record") -> None:
    """Say so, on stderr, where a file took a published tag and nothing published tells whether it is that tag's."""
    from edge.vision.clip_models import published

    listed = published(record.name, record.tag)
    if listed is not None and listed.sha256 != record.source_sha256:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"Not verified: no published sha256 says that {record.source} holds the weights of {record.encoder}.",
            markup=False,
        )


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
