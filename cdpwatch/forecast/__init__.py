"""Quantiles of a period's total calls, projected from daily counts. numpy only, no clock, no I/O.

    history --events--> as it would have been without planned changes
            --series--> calls a day, holes filled, single wrong counts cut down
            --calendar-> what holidays and month ends do to a day
            --levels--> what an average day is worth, by eleven simple rules, at every past day
            --seasons--> what the same weeks of last year did to it
            --outlook-> which rules have been right at this horizon, and how wrong they were
            --periods-> counted so far + expected rest, as quantiles and a path: a Forecast

Intervals are the method's own errors on this series' past, so a calm source gets a narrow band
and a wild one a wide band. Nothing is fitted to other data; the few constants stand at the top
of the module that uses them.
"""

from cdpwatch.forecast.arrays import project
from cdpwatch.forecast.events import Event
from cdpwatch.forecast.periods import period
from cdpwatch.forecast.result import LEVELS, PATH_LEVELS, Forecast

__all__ = ["LEVELS", "PATH_LEVELS", "Event", "Forecast", "period", "project"]
