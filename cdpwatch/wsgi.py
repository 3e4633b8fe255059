"""The WSGI door for servers other than our own (cdpwatch/web.py)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdpwatch.settings")
application = get_wsgi_application()
