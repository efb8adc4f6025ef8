#!/usr/bin/env python3
"""plot.py ROWS SVG: draws what a bench measured.

ROWS has lines "panel TAB more|less TAB name TAB value": a panel for each measure, a bar for each name, the best first;
more or less says which end is the good one; a value may be "never". Bars are as long as their values are, but for panels whose largest is more
than 30 times their smallest: those are logarithmic, and say so. zt's bars stand out. Nothing but the standard library.
"""

import math
import sys
from xml.sax.saxutils import escape

COLUMNS, WIDTH, LABEL, BAR, ROW, GAP = 2, 500, 168, 250, 19, 34
INK, QUIET, LINE, OURS, OTHERS, NEVER = "#1f2328", "#57606a", "#d0d7de", "#0b6bcb", "#b6c2cf", "#f1d5d2"
LOGARITHMIC = 30


def figure(value):
    """Three digits that mean something."""
    if value == math.inf:
        return "never"
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def read(path):
    panels = {}
    with open(path, encoding="utf-8") as rows:
        for row in rows:
            title, better, name, value = row.rstrip("\n").split("\t")
            number = math.inf if value == "never" else float(value)
            if number > 0:
                panels.setdefault(title, (better, []))[1].append((name, number))
    return panels


def text(x, y, words, size=12, colour=INK, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}"{more}>{escape(words)}</text>'


def height(bars):
    return 46 + ROW * len(bars)


def draw(title, better, bars, x, y):
    values = [value for _, value in bars if value < math.inf] or [1]
    logarithmic = max(values) > LOGARITHMIC * min(values)
    low = math.log(min(values) / 2) if logarithmic else 0

    def length(value):
        if value == math.inf:
            return BAR
        if logarithmic:
            return BAR * (math.log(value) - low) / (math.log(max(values)) - low)
        return BAR * value / max(values)

    note = ("more is better" if better == "more" else "less is better") + (", logarithmic" if logarithmic else "")
    yield text(x, y + 14, title, 14, INK, ' font-weight="600"')
    yield text(x, y + 30, note, 11, QUIET)
    yield f'<line x1="{x + LABEL}" y1="{y + 37}" x2="{x + LABEL}" y2="{y + 41 + ROW * len(bars)}" stroke="{LINE}"/>'
    for i, (name, value) in enumerate(sorted(bars, key=lambda bar: bar[1], reverse=better == "more")):
        at, ours = y + 40 + ROW * i, name == "zt"
        bold = ' font-weight="600"' if ours else ""
        yield text(x + LABEL - 8, at + 13, name, 12, INK, f' text-anchor="end"{bold}')
        yield (f'<rect x="{x + LABEL + 1}" y="{at + 2}" width="{max(1, length(value)):.1f}" height="{ROW - 5}" rx="2"'
               f' fill="{OURS if ours else NEVER if value == math.inf else OTHERS}"/>')
        yield text(x + LABEL + 7 + max(1, length(value)), at + 13, figure(value), 12, INK, bold)


def main(rows, svg):
    panels = [(title, better, bars) for title, (better, bars) in read(rows).items()]
    parts, y = [], 16
    for first in range(0, len(panels), COLUMNS):
        line = panels[first : first + COLUMNS]
        for column, panel in enumerate(line):
            parts.extend(draw(*panel, 20 + column * (WIDTH + 20), y))
        y += max(height(bars) for _, _, bars in line) + GAP
    width = 20 + COLUMNS * (WIDTH + 20)
    with open(svg, "w", encoding="utf-8") as out:
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}"'
                  ' font-family="-apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif">\n')
        out.write(f'<rect width="{width}" height="{y}" fill="#ffffff"/>\n')
        out.write("\n".join(parts) + "\n</svg>\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
