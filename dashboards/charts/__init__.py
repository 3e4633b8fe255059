"""Charts, drawn from plain values: SVG on the server, a plotly figure for what hovers over it.

Pure functions; nothing here knows Django, and plotly is imported when a figure is made.
"""

from .bars import bars_svg
from .burn import Burn, Mark
from .commitment import MonthBar, commitment_svg
from .figure import burn_figure
from .sparkline import sparkline
from .svg import burn_svg

__all__ = [
    "Burn",
    "Mark",
    "MonthBar",
    "bars_svg",
    "burn_figure",
    "burn_svg",
    "commitment_svg",
    "sparkline",
]
