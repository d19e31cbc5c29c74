"""What a trained random-word network says about itself: its prompts, its training and the encoder it belongs to."""

from pydantic import BaseModel, ConfigDict

from edge.errors import EdgeError
from edge.vision.features import Encoder

UNVALIDATED = "unvalidated"
"""Said of hyperparameters that nobody has yet compared on real pictures and real weights."""


class Part(BaseModel):
    """Base of what a card holds: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PromptPlan(Part):
    """Which prompts are generated (the second paper's sections 3.2 and 4.2).

    normal, anomaly: the words at [n] and [a]
    pairs:           number of pairs, one normal and one anomalous prompt each
    min_length, max_length: letters and digits of a random word, both included
    seed:            of the random words
    """

    normal: str = "a"
    anomaly: str = "a damaged"
    pairs: int = 10_000
    min_length: int = 5
    max_length: int = 10
    seed: int = 0


class Training(Part):
    """How the network is built and trained (sections 3.3 and 4.2).

    Epochs, batch, optimiser and the kinds of layers are the paper's. The text lost widths, dropout, lr, lr_decay and
    weight_decay: what stands here was chosen without real weights and is `unvalidated`; `calibrate
    random-words-study` compares it with its neighbours.

    widths:       outputs of the first three linear layers; the fourth has one
    dropout:      share of a hidden layer's outputs that is dropped in training
    lr:           learning rate of the first epoch;  lr_decay: factor on it at each further epoch
    weight_decay: AdamW's
    batch:        prompts in a batch, two a pair: 128 are 64 whole pairs (the paper's 128 `samples`)
    """

    widths: tuple[int, int, int] = (512, 256, 128)
    dropout: float = 0.1
    lr: float = 1e-3
    lr_decay: float = 0.1
    weight_decay: float = 1e-2
    epochs: int = 2
    batch: int = 128


class NetCard(Part):
    """The card in a network's file. Without a date: the same command gives the same bytes.

    encoder, weights_sha256: of the text tower that embedded the prompts, hence of the only encoder that it may judge
    precision:       of that tower
    dim:             D, size of an embedding
    input:           what the network takes
    seed:            of its first weights, the order of pairs and dropout
    hyperparameters: `unvalidated`, or what they were validated on
    command:         what made it, without the name of the file
    """

    encoder: str
    weights_sha256: str
    precision: str
    dim: int
    input: str = "embedding of unit length"
    prompts: PromptPlan
    training: Training
    seed: int
    hyperparameters: str = UNVALIDATED
    command: str

    def check_fits(self, encoder: Encoder) -> None:
        """Raises EdgeError, with both, if an encoder is not the one whose text tower the network was trained on."""
        theirs = self.encoder.partition(":")[0], self.weights_sha256
        if theirs != (encoder.name.partition(":")[0], encoder.weights_sha256):
            raise EdgeError(
                f"this random-word network was trained with encoder {self.encoder} (weights {self.weights_sha256}), "
                f"but this run has {encoder.name} (weights {encoder.weights_sha256}). Run with {self.encoder}, or "
                f"train another: calibrate random-words --encoder {encoder.name} ..."
            )
