# SPDX-License-Identifier: Apache-2.0
"""A comparison as one section of a report: a table and the plot, in one HTML element.

It needs nothing from elsewhere, stands alone or in a page, and follows the reader's light or dark
setting, or the `data-theme` of the page's root. All of it is ASCII, whatever the page's encoding.
"""

from __future__ import annotations

from html import escape
from typing import Any

from .plot import COLOURS, GRID, INK, PAPER, band_text, svg
from .table import HEADER, note, rows, title

_SHADE = ("#9aa3ad", "#5a636e")  # at the edge beyond which a table or plot goes on

_RULES = """\
.hlsgen-compare { color: var(--ink); background: var(--paper); color-scheme: light dark;
  font: 15px/1.45 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1rem;
  box-sizing: border-box; }
.hlsgen-compare h2 { font-size: 1.25rem; margin: 0 0 .25rem; }
.hlsgen-compare p, .hlsgen-compare figcaption { font-size: .875rem; margin: .5rem 0; }
.hlsgen-compare .scroll { overflow-x: auto; background:
  linear-gradient(90deg, var(--paper) 40%, transparent) 0 0 / 2rem 100% no-repeat local,
  linear-gradient(270deg, var(--paper) 40%, transparent) 100% 0 / 2rem 100% no-repeat local,
  linear-gradient(90deg, var(--shade), transparent) 0 0 / 1rem 100% no-repeat scroll,
  linear-gradient(270deg, var(--shade), transparent) 100% 0 / 1rem 100% no-repeat scroll; }
.hlsgen-compare .hint { display: none; }
@media (max-width: 46rem) { .hlsgen-compare .hint { display: block; } }
.hlsgen-compare table { border-collapse: collapse; width: 100%; color: inherit;
  font-variant-numeric: tabular-nums; }
.hlsgen-compare th, .hlsgen-compare td { padding: .35rem .6rem; text-align: right;
  border-bottom: 1px solid var(--grid); white-space: nowrap; }
.hlsgen-compare th:first-child { text-align: left; }
.hlsgen-compare tbody th { font-weight: 500; }
.hlsgen-compare tbody th::before { content: ""; display: inline-block; width: .7em; height: .7em;
  margin-right: .5em; border-radius: 50%; background: var(--own); }
.hlsgen-compare figure { margin: 1rem 0 0; }
.hlsgen-compare svg { display: block; width: 100%; min-width: 42rem; height: auto; }"""


def section(document: dict[str, Any]) -> str:
    """The `<section>` element of compare.json's content; ends with a newline."""
    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in HEADER)
    body = "\n".join(
        _row(summary["method"], cells)
        for summary, cells in zip(document["summary"], rows(document), strict=True)
    )
    text = f"""\
<section class="hlsgen-compare">
<style>
{_style()}
</style>
<h2>Methods compared: {escape(document["spec"]["name"])}</h2>
<p>{escape(title(document))}</p>
<p class="hint">The table and the plot go on to the right: scroll them sideways.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of the methods"><table>
<thead><tr>{header}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>
<p>{escape(note(document))}</p>
<figure>
<div class="scroll" tabindex="0" role="region" aria-label="Plot of the accuracy">
{svg(document).strip()}
</div>
<figcaption>{escape(band_text(document))}</figcaption>
</figure>
</section>
"""
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _row(method: str, cells: tuple[str, ...]) -> str:
    name = f'<th scope="row" style="--own: var(--{method})">{escape(cells[0])}</th>'
    return f"<tr>{name}{''.join(f'<td>{escape(cell)}</td>' for cell in cells[1:])}</tr>"


def _style() -> str:
    light, dark = _variables(0), _variables(1)
    return "\n".join(
        [
            f".hlsgen-compare {{ {light} }}",
            f"@media (prefers-color-scheme: dark) {{ .hlsgen-compare {{ {dark} }} }}",
            f':root[data-theme="light"] .hlsgen-compare {{ color-scheme: light; {light} }}',
            f':root[data-theme="dark"] .hlsgen-compare {{ color-scheme: dark; {dark} }}',
            _RULES,
        ]
    )


def _variables(theme: int) -> str:
    colours = {"ink": INK, "grid": GRID, "paper": PAPER, "shade": _SHADE, **COLOURS}
    return " ".join(f"--{name}: {pair[theme]};" for name, pair in colours.items())
