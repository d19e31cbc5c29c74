"""How APRIL-GAN trains its adapters: what the paper says (section 3.1), and what its released script does instead."""

from dataclasses import dataclass, replace

from edge.errors import EdgeError


@dataclass(frozen=True, slots=True)
class Protocol:
    """The numbers of one training.

    name:          `paper` or `release`, with `(changed)` behind it where an option changed a number
    epochs:        how often every picture is shown
    batch:         pictures a step
    mosaic_rate:   share of pictures that a mosaic of four takes the place of, 0..1
    learning_rate, betas: of Adam
    """

    name: str
    epochs: int
    batch: int
    mosaic_rate: float
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.999)

    def changed(self, *, epochs: int | None, batch: int | None, mosaic_rate: float | None) -> "Protocol":
        """The protocol with the numbers that are not None laid over it."""
        given = {"epochs": epochs, "batch": batch, "mosaic_rate": mosaic_rate}
        other = replace(self, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        return self if other == self else replace(other, name=f"{self.name} (changed)")


EPOCHS = {"mvtec": 3, "visa": 15}
"""By the data set trained on."""

BATCH = {"paper": 16, "release": 8}
MOSAIC_RATE = 0.2
MOSAIC_ON = {"paper": ("mvtec", "visa", "folder"), "release": ("mvtec",)}


def protocol(name: str, dataset: str) -> Protocol:
    """The protocol `paper` or `release` for training on `mvtec`, `visa` or `folder`.

    The papers know no other folder than these two data sets: there the epochs are those of VisA, the smaller step a
    picture, since a folder holds few pictures. Raises EdgeError for another protocol or data set.
    """
    if name not in BATCH:
        raise EdgeError(f"unknown protocol {name!r}. There is: {', '.join(BATCH)}.")
    if dataset not in MOSAIC_ON["paper"]:
        raise EdgeError(f"no training on {dataset!r}: its pictures have no masks. There is: mvtec, visa, folder.")
    rate = MOSAIC_RATE if dataset in MOSAIC_ON[name] else 0.0
    return Protocol(name, EPOCHS.get(dataset, EPOCHS["visa"]), BATCH[name], rate)
