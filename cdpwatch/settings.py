"""Every setting of cdpwatch, read from the environment once.

A line `# NAME: text` above a knob is its documentation: docs/reference/settings.md is made
from these lines, and a test compares the two.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF

from cdpwatch.env import (
    Variables,
    env,
    kept_secret,
    pairs_of,
    redis_addresses,
    socket_path,
    text_of,
)
from cdpwatch.machine import private_folder

BASE_DIR = Path(__file__).resolve().parent.parent

# --- where things are -----------------------------------------------------------------------
# CDPWATCH_DEMO: 1 = watch the demo workspace (`--demo` sets it). Demo and live data never share a folder.
DEMO = env.bool("CDPWATCH_DEMO", default=False)
# CDPWATCH_DATA_DIR: folder for the database, the broker's file, keys and logs. Default: .data
DATA_ROOT = Path(env("CDPWATCH_DATA_DIR", default=str(BASE_DIR / ".data"))).resolve()
DATA_DIR = private_folder(DATA_ROOT / ("demo" if DEMO else "live"))

# --- secrets --------------------------------------------------------------------------------
# SECRET_KEY: signs sessions and links. Default: made once, kept in the data folder.
SECRET_KEY = env("SECRET_KEY", default="") or kept_secret(DATA_DIR / "secret-key")
# CDPWATCH_ENCRYPTION_KEYS: comma-separated phrases that encrypt pasted tokens; the first encrypts, all decrypt. Default: made once, kept in the data folder.
_PHRASES = env.list("CDPWATCH_ENCRYPTION_KEYS", default=[]) or [
    kept_secret(DATA_DIR / "encryption-key")
]
ENCRYPTION_KEYS = [
    base64.urlsafe_b64encode(hashlib.sha256(phrase.encode()).digest()) for phrase in _PHRASES
]

# --- the outside world ----------------------------------------------------------------------
# `up --demo` notes where its demo workspace listens, so that `poll --demo` in another
# terminal finds it. The demo's token and webhook guard nothing.
DEMO_URL = text_of(DATA_DIR / "demo-url") if DEMO else ""
# SEGMENT_API_TOKEN: token of the Segment Public API; wins over the Connect page.
SEGMENT_API_TOKEN = env("SEGMENT_API_TOKEN", default="demo-token" if DEMO_URL else "")
# SEGMENT_API_URL: base URL of the Segment Public API. Default: the region chosen on the Connect page (US: https://api.segmentapis.com).
SEGMENT_API_URL = env("SEGMENT_API_URL", default=DEMO_URL)
# SEGMENT_CA_FILE: PEM file of certificate authorities to trust for Segment besides the usual ones, as of a proxy that opens TLS.
SEGMENT_CA_FILE = env("SEGMENT_CA_FILE", default="")
# SLACK_WEBHOOK_URL: Slack incoming webhook for alerts; wins over the Connect page.
SLACK_WEBHOOK_URL = env(
    "SLACK_WEBHOOK_URL",
    default=f"{DEMO_URL}/slack/services/T000DEMO/B000DEMO/demo" if DEMO_URL else "",
)
# The vendors' keys and addresses (AMPLITUDE_API_KEY ...), by the names that each counter gives
# them: docs/how-to/connect-vendors.md lists them. They win over the Connect page too.
VENDOR_VARIABLES = Variables(pairs_of(DATA_DIR / "demo-vendors.json") if DEMO_URL else {})
# CDPWATCH_VENDOR_CA_FILE: PEM file of certificate authorities to trust for the vendors besides the usual ones.
VENDOR_CA_FILE = env("CDPWATCH_VENDOR_CA_FILE", default="")
# CDPWATCH_ALLOW_LOOPBACK: 1 = outbound calls may go to loopback and private addresses.
ALLOW_LOOPBACK = env.bool("CDPWATCH_ALLOW_LOOPBACK", default=DEMO)
# CDPWATCH_URL: address of cdpwatch as people reach it, for links in Slack. Default: http://127.0.0.1:PORT
# PORT: port of the web server under `up`. Default: 8000
# CDPWATCH_BIND: address that the web server under `up` listens on. Default: 127.0.0.1
# CDPWATCH_NO_UV: 1 = the first start sets up with pip alone.
PUBLIC_URL = env("CDPWATCH_URL", default=f"http://127.0.0.1:{env('PORT', default='8000')}")

# --- wiring ---------------------------------------------------------------------------------
# DEBUG: 1 = Django's debug pages. Never on a server that others reach.
DEBUG = env.bool("DEBUG", default=False)
# CDPWATCH_HOSTS: comma-separated host names that may be asked for. Default: loopback only
ALLOWED_HOSTS = env.list("CDPWATCH_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
# CDPWATCH_HTTPS: 1 = served behind TLS: secure cookies, HSTS, https redirects.
HTTPS = env.bool("CDPWATCH_HTTPS", default=False)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
X_FRAME_OPTIONS = "DENY"

ROOT_URLCONF = "cdpwatch.urls"
WSGI_APPLICATION = "cdpwatch.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "cdpwatch",
    "dashboards",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboards.access.private",
    "csp.middleware.CSPMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboards.context.site",
            ]
        },
    }
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # plotly writes style attributes through the CSSOM (allowed); images are its own markers.
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- people ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "cdpwatch.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: it refuses before a password is hashed
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in [
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    ]
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]  # either one alone locks
AXES_CLIENT_IP_CALLABLE = "dashboards.access.client_address"
AXES_LOCKOUT_TEMPLATE = "people/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Copies side by side on one host would sign each other out: cookies do not know ports.
# __Host- makes a browser refuse the cookie from a neighbour domain or over plain HTTP.
_HOST = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_HOST}cdpwatch-{hashlib.sha256(str(DATA_DIR).encode()).hexdigest()[:8]}"
CSRF_COOKIE_NAME = f"{_HOST}csrftoken"

# --- database -------------------------------------------------------------------------------
# DATABASE_URL: e.g. postgres://user:secret@host/cdpwatch. Default: SQLite in the data folder
_SQLITE = f"sqlite:///{DATA_DIR / 'cdpwatch.sqlite3'}"
DATABASES = {"default": env.db("DATABASE_URL", default=_SQLITE)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["CONN_MAX_AGE"] = 60  # opened anew, a page's queries take 3 ms longer
    # WAL with IMMEDIATE: a transaction that reads first and writes later waits its turn
    # instead of failing with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-20000;"
        ),
    }
else:
    # A connection is worth keeping (a new one costs a process on the server), though not one
    # that the server has dropped; after a busy minute the number of them falls again.
    DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    # Nothing waits for ever: a unit that fails on these is tried again. What the URL says
    # behind its `?` wins. `migrate` lifts statement_timeout: cdpwatch/apps.py.
    DATABASES["default"]["OPTIONS"] = {
        "application_name": "cdpwatch",
        "connect_timeout": 10,
        "options": (
            "-c lock_timeout=10s -c statement_timeout=60s"
            " -c idle_in_transaction_session_timeout=60s"
        ),
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- time, language, files ------------------------------------------------------------------
# Segment bills by UTC days. The display never moves a count to another day.
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-gb"
USE_I18N = False
STATIC_URL = "static/"
STATIC_ROOT = DATA_ROOT / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}

# --- broker ---------------------------------------------------------------------------------
# REDIS_URL: broker and locks, as redis://, rediss:// or unix://. Default: the embedded Valkey that `up` starts
VALKEY_SOCKET = socket_path(DATA_DIR)
REDIS = redis_addresses(env("REDIS_URL", default=""), VALKEY_SOCKET)

# --- the work itself ------------------------------------------------------------------------
# CDPWATCH_LEASE: seconds that a worker's claim on a turn, a request or a message holds without a sign of life. Longer than one call takes. Default: 60
LEASE = timedelta(seconds=env.float("CDPWATCH_LEASE", default=60))
# CDPWATCH_RATE_SHARE: how much of an API's rate limit cdpwatch uses at most; the rest is for others who ask with the same account. Default: 0.5, and 1 for the demo workspace
RATE_SHARE = env.float("CDPWATCH_RATE_SHARE", default=1.0 if DEMO else 0.5)
# CDPWATCH_FAILPOINT: for drills alone: the file that names the point at which a process kills itself.
FAILPOINT = env("CDPWATCH_FAILPOINT", default="")

# --- logs -----------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "dashboards.logs.Line",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
            "datefmt": "%Y-%m-%dT%H:%M:%S",
        }
    },
    "filters": {"one line": {"()": "dashboards.logs.OneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "cdpwatch": {"level": "INFO"},
        # At INFO httpx prints whole URLs, and a Slack webhook's URL is a secret.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},  # it warns whenever a request waits for a thread
        "django.request": {"filters": ["one line"]},
    },
}
