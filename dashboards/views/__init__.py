"""The pages, a module for each word of the menu. A folder without this file would escape mypy's
and the import rules' eyes."""
