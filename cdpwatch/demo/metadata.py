"""Catalog metadata in full: every key that Segment's strict Python SDK insists on."""

from __future__ import annotations

from typing import Any

from cdpwatch.demo.world import DEVICE_MODE, FUNCTION_CATALOG_ID

# slug: (id in Segment's catalog, name, description, category, cloud event source)
SOURCE_KINDS: dict[str, tuple[str, str, str, str, bool]] = {
    "javascript": ("IqDTy1TpoU", "Javascript", "Calls from a browser.", "Website", False),
    "node": ("U9mT0bPcI6", "Node.js", "Calls from a Node.js server.", "Server", False),
    "python": ("XRksQPCr7X", "Python", "Calls from a Python script.", "Server", False),
    "http-api": ("iUM16Md8P2", "HTTP API", "Calls over plain HTTP.", "Server", False),
    "customer-io": ("sTypQz3Fd2", "Customer.io", "Email events.", "Email Marketing", True),
    "amplitude-cohorts": ("pHcia14h1B", "Amplitude Cohorts", "Cohorts.", "Analytics", True),
    "refiner": ("4pJ1eVPRnJ", "Refiner", "Survey answers.", "Surveys", True),
    "livestorm": (FUNCTION_CATALOG_ID, "Livestorm", "Webhooks as calls.", "Functions", True),
}

# kind: (id in Segment's catalog, name, slug, website, category, name of its main action)
DESTINATION_KINDS: dict[str, tuple[str, str, str, str, str, str]] = {
    "amplitude": (
        "5f7dd6d21ad74f3842b1fc47",
        "Amplitude (Actions)",
        "actions-amplitude",
        "https://amplitude.example",
        "Analytics",
        "Log Event V2",
    ),
    "customer-io": (
        "5f7dd78fe27ce7ff2b8bfa37",
        "Customer.io (Actions)",
        "actions-customerio",
        "https://customer-io.example",
        "Email Marketing",
        "Track Event",
    ),
    "hubspot": (
        "632b1116e0cb83902f3fd717",
        "HubSpot Cloud Mode (Actions)",
        "actions-hubspot-cloud",
        "https://hubspot.example",
        "CRM",
        "Upsert Contact",
    ),
    "hubspot-web": (
        "631a1c2bfdce36a23f0a14ec",
        "HubSpot Web (Actions)",
        "actions-hubspot-web",
        "https://hubspot.example",
        "CRM",
        "Upsert Contact",
    ),
    "help-scout": (
        "54521fd725e721e32a72eebf",
        "Help Scout",
        "help-scout",
        "https://help-scout.example",
        "Customer Success",
        "Upsert Customer",
    ),
    "cloud-function": (
        "614a3c7d791c91c41bae7599",
        "Webhooks (Actions)",
        "actions-webhook",
        "https://webhooks.example",
        "Raw Data",
        "Send",
    ),
}


def source_metadata(kind: str) -> dict[str, Any]:
    number, name, description, category, cloud = SOURCE_KINDS[kind]
    return {
        "id": number,
        "name": name,
        "slug": kind,
        "description": description,
        "logos": _logos(kind),
        "options": [],
        "categories": [category],
        "isCloudEventSource": cloud,
        "status": "PUBLIC",
        "partnerOwned": False,
    }


def destination_metadata(kind: str) -> dict[str, Any]:
    number, name, slug, website, category, action = DESTINATION_KINDS[kind]
    device = kind in DEVICE_MODE
    return {
        "id": number,
        "name": name,
        "slug": slug,
        "description": f"Sends calls to {name}.",
        "website": website,
        "logos": _logos(slug),
        "options": [],
        "status": "PUBLIC",
        "previousNames": [name],
        "categories": [category],
        "components": [{"type": "BROWSER" if device else "SERVER", "code": "", "owner": "SEGMENT"}],
        "supportedFeatures": {
            "cloudModeInstances": "NONE" if device else "MULTIPLE",
            "deviceModeInstances": "SINGLE" if device else "NONE",
        },
        "supportedMethods": {"track": True, "identify": True, "group": True, "pageview": True},
        "supportedPlatforms": {"browser": True, "server": True, "mobile": True},
        "actions": [_action(slug, action)],
        "presets": [_preset(slug, action)],
        "partnerOwned": False,
    }


def warehouse_metadata() -> dict[str, Any]:
    return {
        "id": "kwX50Df0hr",
        "name": "BigQuery",
        "slug": "bigquery",
        "description": "Loads every call into tables.",
        "logos": _logos("bigquery"),
        "options": [],
    }


def _action(slug: str, name: str) -> dict[str, Any]:
    return {
        "id": f"{slug}-action",
        "slug": name.lower().replace(" ", "-"),
        "name": name,
        "description": f"{name}, once for each call that matches.",
        "platform": "CLOUD",
        "hidden": False,
        "defaultTrigger": 'type = "track"',
        "fields": [],
    }


def _preset(slug: str, name: str) -> dict[str, Any]:
    trigger = 'type = "track"'
    return {"actionId": f"{slug}-action", "name": name, "fields": {}, "trigger": trigger}


def _logos(slug: str) -> dict[str, str]:
    return {"default": f"https://logos.example/{slug}.svg"}
