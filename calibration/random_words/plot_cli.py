"""The command `calibrate random-words-plot`: what the random-word network makes of texts, as a picture."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from calibration.random_words.cli import DEFAULT_CACHE, Cache, Device, open_texts
from edge.errors import EdgeError

SUFFIXES = (".png", ".svg", ".pdf")


def random_words_plot(
    net: Annotated[Path, typer.Argument(help="Network of `calibrate random-words`.")],
    captions: Annotated[
        Path | None,
        typer.Option(help="Natural sentences, one a line, or COCO's captions (.json); those with normal or damage."),
    ] = None,
    prompts: Annotated[int, typer.Option(min=2, help="Pairs of unseen prompts to draw.")] = 250,
    seed: Annotated[int, typer.Option(help="Of t-SNE.")] = 0,
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .svg or .pdf.")] = Path("random-words.png"),
    encoder: Annotated[str | None, typer.Option(help="Encoder; default: the network's own.")] = None,
    cache: Cache = DEFAULT_CACHE,
    device: Device = None,
) -> None:
    """Draw random-word prompts and natural sentences by t-SNE: as CLIP embeds them, and after each layer.

    The second paper's section 4.5. Without --captions, the sentences are plain ones about 22 objects, such as `a
    photo of a broken bottle`.
    """
    from calibration.random_words.exam import held_out
    from calibration.random_words.plot import Captions, draw, flattened, layer_views, read_captions
    from calibration.random_words.prompts import plain_sentences
    from edge.vision.random_words import load_net

    if out.suffix not in SUFFIXES:
        raise EdgeError(f"--out {out}: the name must end in one of {', '.join(SUFFIXES)}.")
    network, card = load_net(net, device="cpu")
    sentences = Captions(*plain_sentences(), left_out=0) if captions is None else read_captions(captions)
    texts = open_texts(encoder or card.encoder, device=device, precision=card.precision, cache=cache)
    card.check_fits(texts.encoder)
    unseen = texts.prompts(held_out(card.prompts, prompts))
    natural = texts.sentences(sentences.normal, sentences.anomalous)
    groups = {
        "normal prompt": unseen[0],
        "anomalous prompt": unseen[1],
        "normal sentence": natural[0],
        "anomalous sentence": natural[1],
    }
    views = layer_views(network, groups)
    panels = {title: flattened(vectors, seed=seed) for title, vectors in views.items()}
    draw(out, panels, [(name, len(vectors)) for name, vectors in groups.items()])
    console = Console(soft_wrap=True, highlight=False)
    counts = ", ".join(f"{len(vectors)} {name}s" for name, vectors in groups.items())
    console.print(f"Picture   {out}: {counts}; {sentences.left_out} captions left out", markup=False)
