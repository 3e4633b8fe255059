"""Counters of the other sides by key. A vendor is a module and a line here."""

from __future__ import annotations

from .amplitude import AMPLITUDE
from .amplitude_cohorts import AMPLITUDE_COHORTS
from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .bigquery import BIGQUERY
from .census import CENSUS
from .cloud_functions import CLOUD_FUNCTIONS
from .customerio import CUSTOMERIO
from .customerio_activities import CUSTOMERIO_ACTIVITIES
from .helpscout import HELPSCOUT
from .hubspot import HUBSPOT
from .livestorm import LIVESTORM
from .refiner import REFINER

COUNTERS: dict[str, Counter] = {
    AMPLITUDE.key: AMPLITUDE,
    AMPLITUDE_COHORTS.key: AMPLITUDE_COHORTS,
    CENSUS.key: CENSUS,
    CUSTOMERIO.key: CUSTOMERIO,
    CUSTOMERIO_ACTIVITIES.key: CUSTOMERIO_ACTIVITIES,
    REFINER.key: REFINER,
    LIVESTORM.key: LIVESTORM,
    CLOUD_FUNCTIONS.key: CLOUD_FUNCTIONS,
    HUBSPOT.key: HUBSPOT,
    HELPSCOUT.key: HELPSCOUT,
    BIGQUERY.key: BIGQUERY,
}

__all__ = [
    "COUNTERS",
    "Caps",
    "Clock",
    "CountRow",
    "Counter",
    "Exactness",
    "Key",
    "Keys",
    "Kind",
]
