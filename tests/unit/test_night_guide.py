"""The guide for the night and the one to monitoring: each command in them is one that there is, with these options."""

import re
from pathlib import Path

import pytest
import typer.main

import calibration.cli
import dashboard.cli
import edge.cli

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "edge" / "NIGHT.md", ROOT / "dashboard" / "MONITORING.md"
PROGRAMS = {"edge": edge.cli.app, "calibrate": calibration.cli.app, "dashboard": dashboard.cli.app}
COMMAND = re.compile(rf"(?:^|`|&& |; |\$ |at main )((?:{'|'.join(PROGRAMS)}) [a-z-][^`#;&|)]*)", re.MULTILINE)


def commands(guide: Path) -> list[str]:
    """What the guide gives to type, in a line or within a sentence; a line may be broken there."""
    text = re.sub(r"(?<=[^`\n])\n(?=[^\n`|#])", " ", guide.read_text())
    return [found.strip() for found in COMMAND.findall(text)]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_each_command_of_a_guide_exists_with_its_options(guide: Path) -> None:
    given = commands(guide)
    assert len(given) > 2
    for text in given:
        program, *words = text.split()
        command = typer.main.get_command(PROGRAMS[program])
        while words and words[0] in (known := getattr(command, "commands", {})):
            command = known[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}, text
        assert not hasattr(command, "commands"), f"{text} names no command that there is"


def test_the_guide_links_to_places_that_there_are() -> None:
    """But for the document of retention, which comes with another part."""
    text = GUIDES[0].read_text()
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    places = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= places
