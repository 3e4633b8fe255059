"""Quantiles of a period's total calls, projected from daily counts. numpy only, no clock, no I/O.

    history --series--> calls a day, holes filled
            --levels--> what an average day is worth, by eleven simple rules, at every past day
            --outlook-> which rules have been right at this horizon, and how wrong they were
            --periods-> counted so far + expected rest, as quantiles and a path: a Forecast

Intervals are the method's own errors on this series' past, so a calm source gets a narrow band
and a wild one a wide band. Nothing is fitted to other data; the few constants stand at the top
of the module that uses them.
"""

from cdpwatch.forecast.arrays import project
from cdpwatch.forecast.periods import period
from cdpwatch.forecast.result import LEVELS, PATH_LEVELS, Forecast

__all__ = ["LEVELS", "PATH_LEVELS", "Forecast", "period", "project"]
