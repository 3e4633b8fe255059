"""The keys of BigQuery, checked, and the limits that people set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cdpwatch.counters import Keys
from cdpwatch.counters.bigquery import BIGQUERY, GIB, LIMITS, limit_of
from cdpwatch.http import Refused

PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{3,40}")
DATASET = re.compile(r"(?:(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{3,40}\.)?[A-Za-z0-9_]{1,1024}")


@dataclass(frozen=True)
class Settings:
    """The keys, checked. `datasets` by source slug; caps in bytes billed."""

    project: str
    credentials: str = ""  # text of a key file; "" leaves it to Google's own ways
    datasets: Mapping[str, str] = field(default_factory=dict)
    month_bytes: int = LIMITS["month_gib"] * GIB
    job_bytes: int = LIMITS["job_gib"] * GIB

    def dataset_of(self, slug: str) -> str:
        """The dataset of a source, in full: Segment names it after the slug, with underscores.

        Source: Segment documentation, "BigQuery destination", schema names.
        """
        name = self.datasets.get(slug) or re.sub(r"\W", "_", slug, flags=re.ASCII)
        return name if "." in name else f"{self.project}.{name}"


def settings_of(keys: Keys) -> Settings:
    """Raises Refused, in words, for what cannot be. Names are checked: SQL has no quoting."""
    project = keys.get("project", "").strip()
    if not PROJECT.fullmatch(project):
        raise Refused("BIGQUERY_PROJECT is not the id of a Google Cloud project.")
    return Settings(
        project=project,
        credentials=keys.get("credentials", "").strip(),
        datasets=_datasets(keys.get("datasets", "")),
        month_bytes=_limit(keys, "month_gib"),
        job_bytes=_limit(keys, "job_gib"),
    )


def _datasets(text: str) -> dict[str, str]:
    named = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        slug, _, dataset = (word.strip() for word in part.partition("="))
        if not slug or not DATASET.fullmatch(dataset):
            raise Refused("BIGQUERY_DATASETS is not a list of slug=dataset, with commas between.")
        named[slug] = dataset
    return named


def _limit(keys: Keys, name: str) -> int:
    limit = limit_of(keys, name)
    if limit is None:
        variable = next(key.variable for key in BIGQUERY.keys if key.name == name)
        raise Refused(f"{variable} is not a whole number of GiB.")
    return limit
