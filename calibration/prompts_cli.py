"""The command `calibrate prompts`: what the text head says, to be looked at and changed."""

import json
from pathlib import Path
from typing import Annotated

import typer


def prompts(
    prompts: Annotated[Path | None, typer.Option(help="Your own file. Default: the one that is shipped.")] = None,
    object_name: Annotated[
        str | None, typer.Option("--object", help="Name of a part: print every sentence about it instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the prompt ensemble as TOML: states of a part, and the templates they are said in. Checks your own file.

    To change it: calibrate prompts > mine.toml, edit, look at calibrate prompts --prompts mine.toml --object cable, and
    give --prompts mine.toml to calibrate, calibrate adapters or calibrate evaluate.
    """
    from edge.vision.prompts import DEFAULT_FILE, PromptEnsemble

    ensemble = PromptEnsemble.read(prompts)
    if object_name is None:
        shown = json.dumps(ensemble.model_dump(), indent=1, ensure_ascii=False)
        typer.echo(shown if as_json else (prompts or DEFAULT_FILE).read_text(encoding="utf-8").rstrip())
        return
    normal, abnormal = ensemble.sentences(object_name)
    if as_json:
        typer.echo(json.dumps({"normal": normal, "abnormal": abnormal}, indent=1, ensure_ascii=False))
        return
    for kind, sentences in (("normal", normal), ("abnormal", abnormal)):
        for sentence in sentences:
            typer.echo(f"{kind:8} {sentence}")
