"""BigQuery: what Segment loaded into the warehouse, the only count that knows host and path.

Each source has a dataset. Three questions are asked of it, the cheapest first: which columns are
there (one exists only after its first value), how many rows each day's partition holds, and at
last the scan that groups calls by host, path and library. Views are never read: they scan 60 days.

    keys.py     its keys, checked, and the limits that people set
    client.py   Google's own client, imported when it is first needed
    session.py  the session that client asks through: a deadline, a cap, no redirect
    errors.py   Google's errors by their reason, as the tree of cdpwatch.http
    jobs.py     one query paid once: dry run, limits, a job id that a second turn finds again
    queries.py  the texts in sql/ filled in, for the tables and columns that exist
    read.py     a turn: every dataset, one's failure beside the others
"""

from .client import warehouse
from .errors import OverCap
from .jobs import JobNote, Meter, Warehouse
from .keys import Settings, settings_of
from .read import WarehouseReading, check, read

__all__ = [
    "JobNote",
    "Meter",
    "OverCap",
    "Settings",
    "Warehouse",
    "WarehouseReading",
    "check",
    "read",
    "settings_of",
    "warehouse",
]
