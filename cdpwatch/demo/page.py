"""The frame and the style of the demo's own pages. No script; the style is a file of its own."""

from __future__ import annotations

import html

STYLE_PATH = "/_demo/style.css"
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
STYLE = """\
:root { color-scheme: light dark;
  --page: light-dark(#f7f8fa, #0f1216); --surface: light-dark(#ffffff, #161a20);
  --text: light-dark(#1b1f24, #e6e9ee); --muted: light-dark(#59616c, #9aa4b1);
  --line: light-dark(#d9dde3, #2d343e); --line-strong: light-dark(#868e99, #707a87);
  --accent: light-dark(#0b5cad, #6cb2f5); --raised: light-dark(#f0f2f5, #1f242c); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/20px system-ui; }
main { max-width: 800px; margin: 0 auto; padding: 24px; }
h1 { font-size: 20px; line-height: 28px; font-weight: 600; }
h2 { font-size: 16px; line-height: 24px; font-weight: 600; margin: 8px 0; }
a { color: var(--accent); }
.muted { color: var(--muted); }
table { width: 100%; border-collapse: collapse; background: var(--surface); }
caption { text-align: left; font-weight: 600; padding: 8px 0; }
th, td { text-align: left; padding: 8px; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td { overflow-wrap: anywhere; }
td form { margin: 0; }
th, button { white-space: nowrap; }
p { margin: 8px 0; }
form { display: inline-flex; flex-wrap: wrap; gap: 8px; align-items: end; margin: 8px 0; }
label { display: grid; gap: 4px; }
input, select, button, .button { font: inherit; color: inherit; background: var(--surface);
  min-height: 32px; padding: 4px 12px; border: 1px solid var(--line-strong); border-radius: 8px; }
button, .button { background: var(--raised); display: inline-block; text-decoration: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.message { background: var(--surface); border: 1px solid var(--line); border-radius: 8px;
  padding: 12px 16px; margin: 12px 0; overflow-wrap: anywhere; }
.fields { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px 16px; }
code, pre { font: 13px/20px ui-monospace, monospace; background: var(--raised);
  border-radius: 4px; padding: 0 4px; }
pre { padding: 8px; overflow-x: auto; }
hr { border: 0; border-top: 1px solid var(--line); }
"""


def render(title: str, body: str) -> str:
    """A whole page; `title` is text, `body` is HTML that is safe already."""
    name = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{STYLE_PATH}"></head>'
        f"<body><main><h1>{name}</h1>{body}</main></body></html>"
    )
