"""A prepared evaluation is run: one category after another, each kept as soon as it is finished."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.datasets import Category, Sample
from calibration.evaluation.category import Measured, evaluate_category
from calibration.evaluation.columns import Setting, ingredients_of
from calibration.evaluation.pictures import Examples, choose_examples, draw
from calibration.evaluation.prepare import Prepared
from calibration.evaluation.references import column_heads, encode_references
from calibration.evaluation.results import OURS, CategoryRecord, Figure, RunRecord, fingerprint
from calibration.evaluation.scores import picture_name, save_map
from edge.vision.heads import Heads
from edge.vision.uncalibrated import UNKNOWN_OBJECT

Done = Callable[[int], None]
"""Told how many pictures were encoded since it was told last."""


def run_category(prepared: Prepared, category: Category, *, done: Done) -> tuple[CategoryRecord, list[Measured]]:
    """Evaluate one category in every column; maps and report pictures are written on the way."""
    options = prepared.options
    heads = category_heads(prepared, category, done=lambda: done(1))
    examples = Examples(choose_examples(category) if options.report else [])

    def on_map(setting: Setting, sample: Sample, anomaly_map: NDArray[np.float32]) -> None:
        if options.save_maps:
            save_map(options.save_maps, setting, picture_name(sample, options.root), anomaly_map)
        if options.report:
            examples.see(setting, sample, anomaly_map)

    measured, seconds = evaluate_category(
        prepared.encoder,
        category,
        heads,
        image_score=options.image_score,
        multi_crop=prepared.multi_crop,
        batch=options.batch,
        on_map=on_map,
        done=done,
    )
    record = CategoryRecord(
        fingerprint=fingerprint(category),
        pictures=len(category.test),
        defects=sum(sample.defect for sample in category.test),
        unknown=sum(not sample.pixels_known for sample in category.test),
        seconds={name: round(value, 3) for name, value in asdict(seconds).items()},
        references={
            f"{one.shots}/{one.seed}": tuple(str(file) for file in files)
            for one, files in prepared.draws[category.name].items()
        },
        runs=tuple(RunRecord(method=OURS, **asdict(one.setting), values=one.values) for one in measured),
        figure=_figure(examples, options.report, category.name, prepared.encoder.input_size),
        maps=None if options.save_maps is None else str(options.save_maps),
    )
    return record, measured


def category_heads(prepared: Prepared, category: Category, *, done: Callable[[], None]) -> dict[Setting, Heads]:
    """The heads of every column of a category; each reference is encoded once, whatever the columns that use it."""
    encoder, options = prepared.encoder, prepared.options
    reproduce = options.image_score == "min-max"
    chosen = prepared.draws[category.name]
    encoded = encode_references(
        encoder,
        chosen,
        with_bank=any("few-shot" in recipe.heads for recipe in prepared.recipes.values()),
        every_token=reproduce,
        multi_crop=prepared.multi_crop,
        done=done,
    )
    ingredients = ingredients_of(
        prepared.recipes,
        encoder,
        prepared.trained,
        object_name=category.name if prepared.known_object else UNKNOWN_OBJECT,
        ensemble=prepared.ensemble,
    )
    return {
        setting: column_heads(
            encoder,
            setting,
            files,
            encoded,
            ingredients[setting.shots],
            prepared.trained,
            calibrate=not reproduce,
        )
        for setting, files in chosen.items()
    }


def _figure(examples: Examples, report: Path | None, name: str, side: int) -> Figure | None:
    """Draw the category's pictures; None without a report, a map or a defect to show."""
    if report is None or not examples.maps:
        return None
    file = f"pictures/{name.replace(' ', '_')}.png"
    return Figure(file=file, scales=draw(examples, report / file, side=side))
