"""Benches: what cdpwatch is measured by, each figure beside a yardstick of the same run.

Run them with `python -m tests.bench [NAME ...]`. They use the test settings, and with them a
data folder of their own that is thrown away; DATABASE_URL is not looked at.
"""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ.pop("DATABASE_URL", None)
django.setup()
