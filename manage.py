#!/usr/bin/env python3
"""The one door: `up`, `test`, `verify` and every other command.

Standard library until its `.venv` exists; `cdpwatch/bootstrap.py` makes that.
"""

import importlib
import os
import sys


def main() -> None:
    """Run a command inside `.venv`, making it first where it is missing."""
    # Said here, in words that an old Python can parse too.
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit("cdpwatch needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])  # noqa: UP031

    from cdpwatch import bootstrap

    bootstrap.enter(sys.argv)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdpwatch.settings")
    try:
        importlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"])  # makes the data folder
    except OSError as error:
        sys.exit(bootstrap.cannot_write(error))

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
