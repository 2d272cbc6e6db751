"""Results as text, as JSON and as a picture. Pure."""

import html
import math

from rows import OURS

WORDS = {True: "met", False: "MISSED", None: ""}


def number(value):
    """Three significant digits, without an exponent."""
    return f"{value:.3g}" if 0.001 <= abs(value) < 1000 else f"{value:.0f}"


def table(results):
    """A Markdown table, ratios first."""
    lines = ["| ratio | goal | | kernel | what | peer | ours | what emulation does |",
             "|---|---|---|---|---|---|---|---|"]
    for result in results:
        row = result.row
        goal = "" if result.goal is None else f"≥ {number(result.goal)}{' %' if row.inverted else ''}"
        lines.append(f"| {number(result.ratio)} | {goal} | {WORDS[result.is_met]} | {result.kernel} | {row.what} "
                     f"| {row.peer}: {number(result.peer_value)} {row.unit} "
                     f"| {number(result.our_value)} {row.unit} | {row.emulation} |")
    return "\n".join(lines)


def as_json(results):
    return [{"what": result.row.what, "kernel": result.kernel, "ratio": result.ratio, "ratios": result.ratios,
             "goal": result.goal, "met": result.is_met, "unit": result.row.unit, "peer": result.row.peer,
             "peer_value": result.peer_value, "ours": result.row.ours, "our_value": result.our_value}
            for result in results]


LEFT, WIDTH, LINE, TOP = 470, 560, 22, 46  # pixels: labels, plot, a row, the head
LEAST, MOST = 0.1, 10000.0                 # the scale's ends


def x_of(ratio):
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + WIDTH * share


def picture(results):
    """SVG: a line a row, on a logarithmic scale. Faint dots: single runs; full dot: median; bar: the goal."""
    height = TOP + LINE * len(results) + 12
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{height}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="8" y="18" font-weight="bold">How many times better {OURS} is '
             '(bar: goal, dot: median, faint dots: runs)</text>']
    for exponent in range(-1, 5):
        x = x_of(10.0**exponent)
        parts += [f'<line x1="{x:.0f}" y1="{TOP - 10}" x2="{x:.0f}" y2="{height - 8}" stroke="#ddd"/>',
                  f'<text x="{x:.0f}" y="{TOP - 14}" text-anchor="middle">{10.0**exponent:g}×</text>']
    for index, result in enumerate(results):
        y = TOP + LINE * index + 8
        colour = "#c0392b" if result.is_met is False else "#1e7d4f"
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">'
                     f'{html.escape(result.row.what)}, {result.kernel}</text>')
        parts += [f'<circle cx="{x_of(ratio):.1f}" cy="{y}" r="3" fill="{colour}" opacity="0.25"/>'
                  for ratio in result.ratios]
        parts.append(f'<circle cx="{x_of(result.ratio):.1f}" cy="{y}" r="5" fill="{colour}"/>')
        if result.goal is not None and not result.row.inverted:
            parts.append(f'<rect x="{x_of(result.goal) - 1:.1f}" y="{y - 8}" width="2" height="16" fill="black"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
