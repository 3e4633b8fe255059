"""Asks the same of many connections, so that one that cannot be read does not cost the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from cdpwatch.http import Api, ApiError, NoRowTaken, NotFound, Unauthorized
from cdpwatch.readings import Rejection

Subject = TypeVar("Subject")
Reading = TypeVar("Reading")


def read_each(
    api: Api,
    subjects: Sequence[Subject],
    ask: Callable[[Subject], list[Reading]],
    name: Callable[[Subject], str],
) -> tuple[Reading, ...]:
    """What `ask` reads of each subject; `name` calls it by its name in `api.rejections`.

    A subject that Segment no longer knows is left out; one that the token may not see (403), or of
    which no row can be read, is left out and told. Raises ApiError: whatever else goes wrong, a
    refused token (401) at once, and the first one's error where every subject was left out.
    """
    readings: list[Reading] = []
    left_out: list[ApiError] = []
    for subject in subjects:
        try:
            readings += ask(subject)
        except NotFound:
            continue
        except (Unauthorized, NoRowTaken) as error:
            if error.status == 401:  # the token itself is refused: nothing more is asked
                raise
            left_out.append(error)
            api.rejections.append(Rejection(name(subject), str(error)))
    if subjects and len(left_out) == len(subjects):
        raise left_out[0]
    return tuple(readings)
