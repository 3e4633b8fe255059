"""The colours in app.css reach WCAG 2.2 AA, in both themes, wherever they are put together."""

import re
from itertools import product
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "dashboards" / "static" / "app.css"
GROUNDS = ("page", "surface", "raised")
TEXTS = [
    *product(("text", "muted", "accent"), GROUNDS),
    *product(("ok", "warn", "bad"), ("page", "surface")),
    *((state, f"{state}-soft") for state in ("ok", "warn", "bad")),
    *product(("text", "accent"), ("ok-soft", "warn-soft", "bad-soft")),
    ("on-accent", "accent"),
    ("surface", "warn"),  # the demo strip
]
MARKS = [
    *product(("line-strong", "accent"), ("page", "surface")),
    *product(("c1", "c2", "c3", "c4", "c-other"), ("surface",)),
]


def tokens(theme: int) -> dict[str, str]:
    """Name -> #rrggbb in the light (0) or the dark (1) theme."""
    declared = re.findall(r"--([\w-]+): ([^;]+);", CSS.read_text().split("Reset")[0])
    colours = {name: re.findall(r"#[0-9a-fA-F]{6}", value) for name, value in declared}
    return {name: found[theme % len(found)] for name, found in colours.items() if found}


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_it_measures_contrast_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXTS)
def test_it_keeps_text_readable(ink: str, ground: str, theme: int) -> None:
    named = tokens(theme)
    assert contrast(named[ink], named[ground]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), MARKS)
def test_it_keeps_marks_and_borders_of_inputs_visible(ink: str, ground: str, theme: int) -> None:
    named = tokens(theme)
    assert contrast(named[ink], named[ground]) >= 3


def test_it_stays_a_stylesheet_one_can_read() -> None:
    assert len(CSS.read_text().splitlines()) < 500
    assert len((CSS.parent / "app.js").read_text().splitlines()) < 150
