"""Settings of the test run: a data folder of its own, no tokens, no broker, a fast hasher."""

import atexit
import os
import shutil
import tempfile

_data_dir = tempfile.mkdtemp(prefix="cdpwatch-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)

_THEIRS = (
    *("CDPWATCH_", "SEGMENT_", "SLACK_", "REDIS_URL", "PORT", "DEBUG"),
    *("SECRET_KEY", "DATABASE_URL_FILE"),
)
# What the person at the terminal has set is not for tests; DATABASE_URL chooses theirs.
for _name in list(os.environ):
    if _name.startswith(_THEIRS) and _name != "CDPWATCH_BQ_EMULATOR":  # it chooses tests
        del os.environ[_name]
os.environ["CDPWATCH_DATA_DIR"] = _data_dir

from cdpwatch.settings import *  # noqa: E402, F403

# A vendor's key of whoever runs the tests is not for them.
VENDOR_VARIABLES = {}  # type: ignore[assignment]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
RATE_SHARE = 1_000.0  # nothing waits for a limit, except in tests of that
# Hashed names exist only after collectstatic.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
