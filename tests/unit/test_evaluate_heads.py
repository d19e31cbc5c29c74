"""Which heads an evaluation needs, and what it refuses."""

from pathlib import Path

import pytest
import torch

from calibration.evaluation.columns import (
    Setting,
    check_untrained,
    ingredients_of,
    load_trained,
    recipe_for,
    settings_of,
    with_net,
)
from edge.errors import EdgeError
from edge.vision.adapters import AdapterCard, fingerprint, save_adapters
from edge.vision.prompts import PromptEnsemble
from edge.vision.random_words import NetCard, PromptPlan, RandomWordNet, Training, save_net
from edge.vision.recipe import Recipe
from edge.vision.zero_shot import Adapters
from tests.patch_encoder import PatchEncoder


def card(**said: object) -> AdapterCard:
    told = {
        "encoder": "patches", "weights_sha256": "0" * 64, "input_size": 64, "stages": ("s8", "s16"), "dim": 3,
        "learned_classes": False, "trained_on": (), "pictures": (), "protocol": "paper",
        "command": "calibrate adapters", "seed": 0, "epochs": 3, "created": "",
    }  # fmt: skip
    return AdapterCard.model_validate(told | said)


def adapters(*, learned: bool = False) -> Adapters:
    weights = {stage: torch.eye(3, 4) for stage in ("s8", "s16")}
    classes = torch.eye(2, 3) if learned else None
    return Adapters(weights, {stage: torch.zeros(3) for stage in weights}, classes)


def net_file(path: Path, *, anomaly: str = "a damaged", seed: int = 0) -> Path:
    torch.manual_seed(seed)
    training = Training(widths=(4, 4, 4))
    said = NetCard(
        encoder="patches", weights_sha256="0" * 64, precision="fp32", dim=3, prompts=PromptPlan(anomaly=anomaly),
        training=training, seed=seed, command="calibrate random-words",
    )  # fmt: skip
    save_net(path, RandomWordNet(3, widths=training.widths, dropout=0.1), said)
    return path


def recipes(name: str | None, *shots: int, has_text: bool = True) -> dict[int, Recipe]:
    return {count: recipe_for(name, shots=count, has_text=has_text) for count in shots}


def test_the_default_recipe_follows_the_encoder_and_the_number_of_references() -> None:
    assert [one.name for one in recipes(None, 0, 4).values()] == ["april-gan-0", "april-gan"]
    assert [one.name for one in recipes(None, 0, 4, has_text=False).values()] == ["adapters", "neighbourhood"]


def test_without_references_a_recipe_is_its_zero_shot_part() -> None:
    assert recipe_for("random-words", shots=0, has_text=True).name == "random-words-0"
    assert recipe_for("adapters+few-shot", shots=0, has_text=False).heads == ("adapters",)
    assert recipe_for("text*1+few-shot*0.5", shots=0, has_text=True) == Recipe("text", {"text": 1}, {}, peak=0)


def test_a_recipe_that_cannot_run_with_a_number_of_references_is_refused() -> None:
    with pytest.raises(EdgeError, match=r"few-shot needs reference pictures\. Leave 0 out"):
        recipe_for("few-shot", shots=0, has_text=False)
    with pytest.raises(EdgeError, match="april-gan-0 uses no reference pictures"):
        recipe_for("april-gan-0", shots=1, has_text=True)


def test_zero_shots_have_one_column_but_one_a_network_where_there_are_several() -> None:
    few = settings_of(recipes("april-gan", 0, 2), seeds=3, nets=0)
    assert few == (Setting(0, 0), Setting(2, 0), Setting(2, 1), Setting(2, 2))
    trained = settings_of(recipes("random-words", 0, 1), seeds=2, nets=3)
    assert trained == (Setting(0, 0), Setting(0, 1), Setting(0, 2), Setting(1, 0), Setting(1, 1))


def test_what_a_recipe_lacks_is_named_with_the_option_that_gives_it(tmp_path: Path) -> None:
    reads = PatchEncoder(reads=True)
    with pytest.raises(EdgeError, match="april-gan needs adapters: give --adapters FILE"):
        load_trained(recipes("april-gan", 1).values(), reads, adapters=None, random_words=[])
    with pytest.raises(EdgeError, match="random-words needs a network: give --random-words FILE"):
        load_trained(recipes("random-words", 1).values(), reads, adapters=None, random_words=[])
    save_adapters(tmp_path / "a.safetensors", adapters(), card())
    with pytest.raises(EdgeError, match="encoder patches has none"):
        load_trained(
            recipes("adapters", 0).values(), PatchEncoder(), adapters=tmp_path / "a.safetensors", random_words=[]
        )


def test_nothing_is_loaded_that_no_recipe_uses() -> None:
    nowhere = Path("nowhere")
    trained = load_trained(recipes("few-shot", 1).values(), PatchEncoder(), adapters=nowhere, random_words=[nowhere])
    assert (trained.adapters, trained.card, trained.nets) == (None, None, [])


def test_each_seed_has_its_own_network_and_they_take_turns(tmp_path: Path) -> None:
    files = [net_file(tmp_path / f"{seed}.safetensors", seed=seed) for seed in range(2)]
    encoder = PatchEncoder(reads=True)
    wanted = recipes("random-words", 0)
    trained = load_trained(wanted.values(), encoder, adapters=None, random_words=files)
    parts = ingredients_of(wanted, encoder, trained, object_name="nut", ensemble=PromptEnsemble.read())[0]
    assert [with_net(parts, trained, seed).net for seed in range(3)] == [trained.nets[seed] for seed in (0, 1, 0)]


def test_the_pair_of_prompts_says_what_the_networks_were_trained_with(tmp_path: Path) -> None:
    encoder = PatchEncoder(reads=True)
    wanted = recipes("random-words", 0)
    file = net_file(tmp_path / "net.safetensors", anomaly="a broken")
    trained = load_trained(wanted.values(), encoder, adapters=None, random_words=[file])
    ingredients_of(wanted, encoder, trained, object_name="metal_nut", ensemble=PromptEnsemble.read())
    assert encoder.text is not None
    assert encoder.text.sentences == ["a photo of a metal nut", "a photo of a broken metal nut"]
    other = net_file(tmp_path / "other.safetensors")
    with pytest.raises(EdgeError, match="other words"):
        load_trained(wanted.values(), encoder, adapters=None, random_words=[file, other])


def test_adapters_with_classes_of_their_own_need_no_text(tmp_path: Path) -> None:
    save_adapters(tmp_path / "a.safetensors", adapters(learned=True), card(learned_classes=True))
    wanted = recipes("adapters", 0)
    trained = load_trained(wanted.values(), PatchEncoder(), adapters=tmp_path / "a.safetensors", random_words=[])
    parts = ingredients_of(wanted, PatchEncoder(), trained, object_name="nut", ensemble=PromptEnsemble.read())[0]
    assert parts.text is None
    assert parts.heads().classes is not None


def test_adapters_are_not_scored_on_the_data_set_they_were_trained_on() -> None:
    with pytest.raises(EdgeError, match=r"paper, trained on mvtec, folder:nut\) cannot be scored on folder:nut"):
        check_untrained(card(trained_on=("mvtec", "folder:nut")), sources=["folder:bolt", "folder:nut"], pictures=[])
    check_untrained(card(trained_on=("mvtec",)), sources=["visa"], pictures=[])
    check_untrained(None, sources=["visa"], pictures=[])


def test_adapters_are_not_scored_on_pictures_they_have_seen_under_another_name(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("1.png", "2.png")]
    for file in files:
        file.write_bytes(file.name.encode())
    seen = card(trained_on=("folder:other",), pictures=(fingerprint(files[1]),))
    with pytest.raises(EdgeError, match=rf"trained on 1 of its test pictures, the first being {files[1]}"):
        check_untrained(seen, sources=["folder:nut"], pictures=files)
