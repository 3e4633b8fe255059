"""Tables of the catalog: the workspace, its environments, apps, connections and functions."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.text import slugify

from cdpwatch.readings import Direction


class Region(models.TextChoices):
    """Where a workspace lives. The wrong region answers with emptiness, so it is asked for."""

    US = "us", "United States"
    EU = "eu", "Europe"


class Workspace(models.Model):
    """The Segment workspace that is watched. `segment_id` is pinned at the first poll."""

    segment_id = models.CharField(max_length=100, unique=True, null=True)  # noqa: DJ001 - unpinned
    name = models.CharField(max_length=200, blank=True)
    slug = models.CharField(max_length=200, blank=True)
    region = models.CharField(max_length=2, choices=Region, default=Region.US)
    country = models.CharField(max_length=2, blank=True)  # ISO 3166; its holidays are days off
    demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    throttled_until = models.DateTimeField(null=True)  # Segment's 429 is for the whole token
    # The contract that its calls are charged to; several workspaces may share one. The query name
    # lets a contract be asked for by its workspace.
    contract = models.ForeignKey(
        "cdpwatch.Contract",
        models.SET_NULL,
        null=True,
        related_name="workspaces",
        related_query_name="workspace",
    )

    def __str__(self) -> str:
        return self.name or "Not connected yet"


class CredentialKind(models.TextChoices):
    SEGMENT_TOKEN = "segment_token", "Segment Public API token"
    SLACK_WEBHOOK = "slack_webhook", "Slack incoming webhook"
    VENDOR_KEY = "vendor_key", "vendor key"


class Credential(models.Model):
    """A secret pasted on the Connect page: ciphertext at rest, write-only, never shown again.

    `candidate` rows wait for the worker's check and an admin's confirmation; only the other
    one of a kind is used. A vendor's keys are told apart by the environment's name for them.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=20, choices=CredentialKind)
    variable = models.CharField(max_length=60, blank=True)  # of a vendor: "AMPLITUDE_API_KEY"
    candidate = models.BooleanField(default=False)
    ciphertext = models.BinaryField()
    last_four = models.CharField(max_length=4)
    region = models.CharField(max_length=2, choices=Region, default=Region.US)
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "kind", "variable", "candidate"],
                name="one_credential_per_kind",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ending in {self.last_four}"


class Environment(models.Model):
    """One environment of the naming convention, with the other spellings people use for it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="environments")
    name = models.CharField(max_length=40)
    aliases = models.JSONField(default=list)  # lower case: "production", "prd"
    production = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "name")
        constraints = (
            models.UniqueConstraint(fields=["workspace", "name"], name="one_environment_per_name"),
        )

    def __str__(self) -> str:
        return self.name


class Flow(models.TextChoices):
    """What a system is declared to be, in the words of the workspace's own page."""

    SOURCE = "source", "Source"
    DESTINATION = "destination", "Destination"
    BOTH = "both", "Source, Destination"


class Described(models.Model):
    """What people write about something in the catalog. Polls never touch it."""

    description = models.TextField(blank=True)
    owner = models.CharField(max_length=100, blank=True)
    notes = models.TextField(blank=True)

    class Meta:
        abstract = True


class App(Described):
    """A system that people know by name; its connections are what Segment knows."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="apps")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=100)
    flow = models.CharField(max_length=12, choices=Flow)
    aliases = models.JSONField(default=list)  # normalised names that mean this app
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "name")
        constraints = (
            models.UniqueConstraint(fields=["workspace", "slug"], name="one_app_per_slug"),
        )

    def __str__(self) -> str:
        return self.name


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def live(self) -> ConnectionQuerySet:
        return self.filter(retired_at=None)

    def sources(self) -> ConnectionQuerySet:
        return self.filter(direction=Direction.SOURCE)

    def destinations(self) -> ConnectionQuerySet:
        return self.filter(direction=Direction.DESTINATION)


class Connection(Described):
    """One source, destination or warehouse of the workspace, as Segment last described it.

    Where people wrote no description or owner of its own, pages show those of its app.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="connections")
    app = models.ForeignKey(App, models.SET_NULL, null=True, related_name="connections")
    environment = models.ForeignKey(
        Environment, models.SET_NULL, null=True, related_name="connections"
    )
    # The source function behind a source: Segment gives both the same metadata id.
    function = models.ForeignKey("Function", models.SET_NULL, null=True, related_name="connections")
    segment_id = models.CharField(max_length=100)
    direction = models.CharField(max_length=12, choices=[(d.value, d.value) for d in Direction])
    name = models.CharField(max_length=500)
    slug = models.CharField(max_length=500, blank=True)
    enabled = models.BooleanField(default=True)
    labels = models.JSONField(default=dict)
    metadata_id = models.CharField(max_length=100, blank=True)
    metadata_name = models.CharField(max_length=200, blank=True)
    metadata_slug = models.CharField(max_length=200, blank=True)
    naming = models.CharField(max_length=20, blank=True)  # a naming.Verdict
    naming_advice = models.CharField(max_length=700, blank=True)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)  # gone from Segment; its history stays

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering = ("name", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "segment_id"], name="one_connection_per_segment_id"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def app_slug(self) -> str:
        """What rules call the system behind it: its app, or the function that feeds it."""
        if self.app:
            return self.app.slug
        return slugify(self.function.name) if self.function else ""


class Link(models.Model):
    """Which source feeds which destination or warehouse."""

    source = models.ForeignKey(Connection, models.CASCADE, related_name="feeds")
    target = models.ForeignKey(Connection, models.CASCADE, related_name="fed_by")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["source", "target"], name="one_link"),)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


class Function(Described):
    """A Segment function. Seeded ones are declared; `last_seen` is set once Segment lists it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="functions")
    segment_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    url = models.URLField(blank=True)
    catalog_id = models.CharField(max_length=100, blank=True)
    declared = models.BooleanField(default=False)
    deployed_at = models.DateTimeField(null=True)
    last_seen = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "segment_id"], name="one_function_per_segment_id"
            ),
        )

    def __str__(self) -> str:
        return self.name


class CatalogChange(models.Model):
    """One edit by a person of one field of an app, a connection or a function. Append-only.

    An undo is a change of its own that points at what it took back.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="catalog_changes")
    app = models.ForeignKey(App, models.CASCADE, null=True, related_name="changes")
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="changes")
    function = models.ForeignKey(Function, models.CASCADE, null=True, related_name="changes")
    field = models.CharField(max_length=20)  # a field of Described
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)
    undoes = models.OneToOneField("self", models.CASCADE, null=True, related_name="undone_by")

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.CheckConstraint(
                name="one_thing_per_change",
                condition=(
                    models.Q(app__isnull=False, connection=None, function=None)
                    | models.Q(app=None, connection__isnull=False, function=None)
                    | models.Q(app=None, connection=None, function__isnull=False)
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.field} by {self.by}"
