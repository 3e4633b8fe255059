"""Pollers read the outside world: one module each, `read(api, ...)` gives readings.

A poller parses strictly and decides nothing. It raises cdpwatch.http.ApiError, never half a
result, and writes nothing. Facts about Segment's endpoints are in the modules that call them.
"""
