"""Every page, one line each. What needs a role says so at its view."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from .views import (
    alerts,
    budget,
    catalog,
    connect,
    connect_vendors,
    coverage,
    editing,
    exports,
    health,
    naming,
    overview,
    people,
    policy,
    reconcile,
    status,
    systems,
)

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("overview.json", overview.overview_data, name="overview-data"),
    path("burn.json", overview.burn_data, name="overview-burn"),
    path("catalog/", catalog.catalog, name="catalog"),
    path("catalog/connections.csv", catalog.download, name="catalog-csv"),
    path("catalog/naming/", naming.names, name="catalog-naming"),
    path("catalog/apps/<slug:slug>/", systems.app, name="catalog-app"),
    path("catalog/functions/<int:pk>/", systems.function, name="catalog-function"),
    path("catalog/connections/<int:pk>/", systems.connection, name="catalog-connection"),
    path("catalog/<str:kind>/<int:pk>/edit/", editing.edit, name="catalog-edit"),
    path("catalog/undo/", editing.undo, name="catalog-undo"),
    path("budget/", budget.budget, name="budget"),
    path("reconcile/", reconcile.reconcile, name="reconcile"),
    path("reconcile/coverage/", coverage.coverage, name="reconcile-coverage"),
    path("export/<str:name>.<str:form>", exports.export, name="export"),
    # alerts and the policy behind them
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/<int:pk>/", alerts.one, name="alerts-one"),
    path("alerts/deliveries/<int:pk>/retry/", alerts.retry, name="alerts-retry"),
    path("alerts/policy/", policy.rules, name="alerts-policy"),
    path("alerts/policy/in-app-pages/", policy.in_app_pages, name="alerts-policy-pages"),
    # the work itself
    path("health/", health.health, name="health"),
    path("health/poll/", health.poll_now, name="health-poll"),
    path("health/requests/<int:pk>.json", health.request_state, name="health-request"),
    path("healthz", status.healthz, name="healthz"),
    path("readyz", status.readyz, name="readyz"),
    path("statusz", status.statusz, name="statusz"),
    # connecting
    path("connect/", connect.connect, name="connect"),
    path("connect/token/", connect.paste_token, name="connect-token"),
    path("connect/token/use/", connect.use_token, name="connect-token-use"),
    path("connect/token/discard/", connect.discard_token, name="connect-token-discard"),
    path("connect/region/", connect.set_region, name="connect-region"),
    path("connect/contract/", connect.confirm_contract, name="connect-contract"),
    path("connect/slack/", connect.paste_webhook, name="connect-slack"),
    path("connect/slack/test/", connect.test_slack, name="connect-slack-test"),
    path("connect/environments/", connect.save_environments, name="connect-environments"),
    path("connect/vendors/<slug:vendor>/", connect_vendors.paste_keys, name="connect-vendor"),
    path(
        "connect/vendors/<slug:vendor>/forget/",
        connect_vendors.forget_keys,
        name="connect-vendor-forget",
    ),
    path("connect/requests/<int:pk>.json", connect.request_state, name="connect-request"),
    # people
    path("login/", people.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("setup/", people.setup, name="setup"),
    path("password/", people.password, name="password"),
    path("people/", people.users, name="users"),
    path("people/<int:pk>/", people.user, name="user"),
    path("people/<int:pk>/password/", people.set_password, name="user-password"),
]
