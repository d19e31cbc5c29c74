"""Gets published weights from where open_clip says they are. The one place of this package that dials out."""

import shutil
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

import huggingface_hub.constants
import open_clip

from edge.errors import EdgeError
from edge.vision.clip_models import Published, clean_tag, published, size_bytes, skeleton, split_name
from edge.vision.store import Record, add

REACH_TIMEOUT_S = 10.0


def fetch(models: Path, encoder: str) -> Record:
    """Download the published weights of NAME:TAG and add them to the store; the download itself is not kept.

    Raises EdgeError for a tag that is not published, without a network (with what to do on another machine), or as
    store.add.
    """
    name, tag = split_name(encoder)
    listed = published(name, tag)
    if listed is None:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise EdgeError(f"{name} has no published tag {tag}. Published: {tags}.")
    skeleton(name)
    folder = models.expanduser() / name / f".download-{clean_tag(tag)}"
    record = add(models, encoder, _download(encoder, listed, folder))
    shutil.rmtree(folder)
    return record


def how_to_get(name: str, tag: str) -> str:
    """What to do where the weights of NAME:TAG are not in the store, in full, for a machine without network too."""
    listed = published(name, clean_tag(tag))
    if listed is None:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        return (
            f"{tag} is none of the published tags of {name} ({tags}). For weights of your own: "
            f"edge models add {name}:{tag} FILE --activation gelu|quick_gelu."
        )
    return f"Fetch them: edge models fetch {name}:{tag}. {_by_hand(f'{name}:{tag}', listed)}"


def _by_hand(encoder: str, listed: Published) -> str:
    gigabytes = size_bytes(skeleton(encoder.partition(":")[0])) / 1e9
    return (
        f"For a machine without network, get {listed.file} (about {gigabytes:.2f} GB as float32, half of that as "
        f"float16) from {listed.places} elsewhere, bring it here, and run: edge models add {encoder} FILE"
    )


def _download(encoder: str, listed: Published, folder: Path) -> Path:
    """The downloaded file: from the hub, or else from the address, where there are both."""
    places = {"hf_hub": (listed.hub, huggingface_hub.constants.ENDPOINT), "url": (listed.url, listed.url)}
    failures = []
    for kind, (what, address) in places.items():
        if not what:
            continue
        try:
            _reach(address)
            return Path(open_clip.download_pretrained({kind: what}, cache_dir=str(folder)))
        except (OSError, RuntimeError, HTTPException) as error:
            failures.append(f"{address}: {' '.join(str(error).split())[:200]}")
    raise EdgeError(f"{encoder} cannot be fetched ({'; '.join(failures)}). {_by_hand(encoder, listed)}")


def _reach(address: str) -> None:
    """Raises OSError if nothing answers there: the hub's own client would try for most of a minute."""
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=REACH_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return  # an answer
