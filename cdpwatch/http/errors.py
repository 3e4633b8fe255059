"""What can go wrong outside, as one tree. The map is in the package's docstring."""

from __future__ import annotations


class ApiError(Exception):
    """Something outside failed; `str(error)` is a sentence that people can be shown.

    `permanent`: asking again without a change by a person does not help.
    `retry_after`: seconds that the server asked us to wait, or None.
    `status`, `field`: the HTTP status and the parameter the server named, where there is one.
    """

    permanent = True

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status
        self.field = field


class Unreachable(ApiError):
    permanent = False


class RateLimited(ApiError):
    permanent = False


class ServerError(ApiError):
    permanent = False


class Unauthorized(ApiError):
    pass


class NotFound(ApiError):
    pass


class Refused(ApiError):
    pass


class BadPayload(ApiError):
    pass


class NoRowTaken(BadPayload):
    """A list of which every row was wrong."""
