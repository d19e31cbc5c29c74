"""The command `calibrate`: it teaches the line a part; its subcommands train and measure both papers' methods."""

import sys

import typer
from rich.console import Console

from calibration.adapters.cli import adapters as adapters_command
from calibration.bundles.cli import export, import_, list_bundles, promote, report, rollback, show
from calibration.evaluation.cli import evaluate
from calibration.learning.learn_cli import learn
from calibration.learning.replay_cli import replay
from calibration.lite.cli import lite_adapters
from calibration.prompts_cli import prompts as prompts_command
from calibration.random_words.cli import random_words as random_words_command
from calibration.random_words.plot_cli import random_words_plot
from calibration.random_words.study_cli import random_words_study
from calibration.scene.redraw_cli import redraw
from calibration.teach_cli import calibrate
from edge.errors import EdgeError
from edge.process import spin_briefly

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="""Teach the line a kind of part, train zero-shot heads, and measure both.

    Begin with `calibrate --category NAME --refs 4 --camera 0`: it learns from a few pictures of GOOD parts and writes a
    bundle that `edge run --camera 0=NAME` loads. Bundles are numbered, NAME@1, NAME@2, ..., and never changed; `list`,
    `show`, `promote`, `rollback`, `export` and `import` handle them. The other commands train and evaluate the two
    papers' methods.

    Exit codes: 0 done; 1 a measurement is not complete; 2 something that you can mend, named in the message.
    """,
)
app.callback(invoke_without_command=True)(calibrate)
for name, command in (
    ("list", list_bundles), ("show", show), ("report", report), ("promote", promote), ("rollback", rollback),
    ("export", export), ("import", import_),
):  # fmt: skip
    app.command(name)(command)
app.command("learn")(learn)
app.command("replay")(replay)
app.command("redraw")(redraw)
app.command("evaluate")(evaluate)
app.command("adapters")(adapters_command)
app.command("prompts")(prompts_command)
app.command("lite-adapters")(lite_adapters)
app.command("random-words")(random_words_command)
app.command("random-words-study")(random_words_study)
app.command("random-words-plot")(random_words_plot)


def main() -> None:
    """Run the command; what a user can mend is printed without a traceback, with exit code 2."""
    from sqlalchemy.exc import DatabaseError

    spin_briefly()
    try:
        app()
    except EdgeError as error:
        _complain(str(error))
        sys.exit(2)
    except DatabaseError as error:
        from edge.ledger.patience import in_words

        _complain(in_words(error))
        sys.exit(1)


def _complain(text: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"error: {text}", markup=False)


if __name__ == "__main__":
    main()
