"""An evaluation's results as they grow: what an earlier run left, what is still to do, and what is written when."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from calibration.datasets import Category
from calibration.evaluation.beside_published import (
    PEERS,
    Published,
    PublishedRow,
    published_as,
    published_rows,
    reported,
)
from calibration.evaluation.category import Measured
from calibration.evaluation.prepare import Prepared
from calibration.evaluation.report import write_report
from calibration.evaluation.results import OURS, CategoryRecord, Results, fingerprint, load_results, save_results
from calibration.evaluation.scores import ScoreRows, read_scores, rows_of, save_scores
from calibration.evaluation.tables import MEAN, Cell, Key, shots_named, tabulate
from edge import __version__


@dataclass(slots=True)
class Session:
    """One run of the command, going on from what an earlier one with the same settings has kept."""

    prepared: Prepared
    results: Results
    rows: ScoreRows = field(default_factory=dict)

    def remaining(self) -> list[Category]:
        """The categories that are not finished, or lack what this run is to write about them."""
        return [category for category in self.prepared.dataset.categories if not self._finished(category)]

    def _finished(self, category: Category) -> bool:
        options, record = self.prepared.options, self.results.categories.get(category.name)
        if record is None or record.fingerprint != fingerprint(category):
            return False
        if options.save_maps is not None and record.maps != str(options.save_maps):
            return False
        if options.save_maps is not None and not any(options.save_maps.rglob("*.npy")):
            return False
        rows = len(category.test) * len(self.prepared.columns)
        return options.save_scores is None or len(self.rows.get(category.name, ())) == rows

    def keep(self, category: Category, record: CategoryRecord, measured: list[Measured]) -> None:
        """Take a finished category in, and write everything that was asked for as far as it goes."""
        options = self.prepared.options
        self.results = self.results.with_category(category.name, record)
        if options.save_scores is not None:
            self.rows[category.name] = [
                row for one in measured for row in rows_of(category, one.setting, one.scores, options.root)
            ]
            save_scores(options.save_scores, self._rows_in_order())
        if options.report is not None:
            save_results(options.report, self.results)
            self.write_report()

    def _rows_in_order(self) -> Iterator[tuple[str, ...]]:
        for category in self.prepared.dataset.categories:
            yield from self.rows.get(category.name, ())

    def write_report(self) -> None:
        """Write report.md from what is finished."""
        if self.prepared.options.report is not None:
            write_report(
                self.prepared.options.report, self.results, self.cells(), self.published_rows(), self.remarks()
            )

    def cells(self) -> dict[Key, Cell]:
        """Every cell of every table; a mean over some of the categories only is not set beside the papers'."""
        dataset = self.prepared.dataset
        theirs = reported(dataset, self.columns())
        whole = all(category.name in self.results.categories for category in dataset.categories)
        runs = [run for run in self.results.runs() if run.category in {one.name for one in dataset.categories}]
        return tabulate(runs, {key: one for key, one in theirs.items() if whole or key[2] != MEAN})

    def columns(self) -> dict[tuple[str, int], Published | None]:
        """By method and number of shots, what the papers call it."""
        prepared = self.prepared
        columns: dict[tuple[str, int], Published | None] = {}
        for shots, recipe in prepared.recipes.items():
            columns[OURS, shots] = published_as(
                recipe,
                shots=shots,
                known_object=prepared.known_object,
                multi_crop=prepared.multi_crop,
                words=prepared.trained.words,
            )
        for run in self.results.runs():
            if run.method != OURS:
                columns[run.method, run.shots] = Published(PEERS[run.method.partition("@")[0]])
        return columns

    def published_rows(self) -> list[PublishedRow]:
        """The papers' own rows for this data set and these numbers of shots."""
        return published_rows(self.prepared.dataset.kind, self.prepared.recipes)

    def remarks(self) -> list[str]:
        """What a reader must know before comparing with the papers; nothing where there is nothing to compare."""
        prepared = self.prepared
        encoder, dataset, columns = prepared.encoder, prepared.dataset, self.columns()
        compared = {key[:2] for key in reported(dataset, columns)}
        said = []
        for key, theirs in columns.items():
            if theirs is None or key not in compared or not theirs.encoder:
                continue
            if not encoder.name.startswith(theirs.encoder) or encoder.input_size != theirs.input_size:
                said.append(
                    f"{theirs.method} was published with {theirs.encoder} at {theirs.input_size} px; this run has "
                    f"{encoder.name} at {encoder.input_size} px."
                )
            if theirs.method == "APRIL-GAN" and key[1] and prepared.options.image_score == "line":
                said.append(
                    "APRIL-GAN's published few-shot image scores need the whole test set (--image-score min-max); this "
                    "run scores as a line does."
                )
        broken = {(run.method, run.shots) for run in self.results.runs() if not run.values}
        said += [
            f"{method} gave scores that are no finite numbers with {shots_named(n)}." for method, n in sorted(broken)
        ]
        if dataset.absent:
            said.append(f"Not here, so the mean is not compared: {', '.join(dataset.absent)}.")
        return list(dict.fromkeys(said))


def open_session(prepared: Prepared, *, command: str) -> Session:
    """A session with what an earlier run has left in the report's folder and in the file of scores.

    Raises EdgeError if the folder holds results of other settings.
    """
    options, settings = prepared.options, prepared.settings()
    earlier = load_results(options.report, settings) if options.report is not None else None
    rows = read_scores(options.save_scores) if options.save_scores is not None and earlier is not None else {}
    kept = {} if earlier is None else earlier.categories
    about = about_run(command, device=str(prepared.encoder.device))
    return Session(prepared, Results(settings=settings, about=about, categories=kept), rows)


def about_run(command: str, *, device: str) -> dict[str, str]:
    """What makes these results, for whoever wants to make them again."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "open_clip_torch", "timm"))
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "versions": f"edge-inspection {__version__}, {packages}",
    }
