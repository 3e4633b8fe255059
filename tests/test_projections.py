"""A projection's row: it can be made again from what it keeps."""

from __future__ import annotations

import pytest

from cdpwatch import budget, watch
from cdpwatch.models import Projection, Workspace
from tests.factories import NOW, at, make_connection, make_live, record_days


@pytest.mark.parametrize("leaking", [False, True])
def test_it_makes_a_stored_projection_again_with_the_same_result(
    workspace: Workspace, leaking: bool
) -> None:
    record_days(workspace, [1_000_000 + 1_000 * n for n in range(17)])
    app = workspace.apps.get(slug="application")
    prod = workspace.environments.get(name="Prod")
    source = make_connection(workspace, app=app, environment=prod)
    make_live(source, at(18, 12, 3), 400_000, "page" if leaking else "track", "Home")
    view = watch.evaluate(workspace, NOW)
    assert bool(view.found) is leaking
    row = Projection.objects.get()
    record_days(workspace, [2_000_000] * 17)  # restated since
    again = budget.unpacked(row.inputs).project()
    made = zip(again.levels, again.totals, strict=True)
    assert {str(level): round(total) for level, total in made} == row.quantiles
    assert again.method == row.method
