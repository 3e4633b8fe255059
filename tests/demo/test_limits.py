"""The token bucket, by itself."""

from __future__ import annotations

from cdpwatch.demo.limits import Bucket


def test_it_regains_requests_as_time_passes() -> None:
    bucket = Bucket(size=60, left=1, filled_at=0)
    assert [bucket.take(0), bucket.take(0), bucket.take(0.5), bucket.take(1.0)] == [0, 1.0, 0.5, 0]


def test_it_never_holds_more_than_its_size() -> None:
    bucket = Bucket(size=2, left=2, filled_at=0)
    assert [bucket.take(3600) > 0 for _ in range(3)] == [False, False, True]
