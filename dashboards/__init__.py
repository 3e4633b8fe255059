"""Pages, charts and the JSON they refresh from: a door onto cdpwatch, never onto the outside."""
