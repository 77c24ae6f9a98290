"""The rooms of the package as a picture, from its imports: boxes in layers, arrows pointing down.

An arrow goes from a room to one that it imports. An arrow is left out where a path of other arrows
leads to the same room. Arrows across several layers pass between the boxes of those layers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

import grimp

HOME = Path(__file__).resolve().parents[1]
PACKAGE = "bandprobe"
BOX = (116, 30)
GAP = 14
# Width that an arrow takes where it crosses a layer.
PASSING = 10
ROW = 60
SWEEPS = 40
# Rooms of one colour do one kind of work.
COLOURS = {
    "#e8e8e8": ("errors", "base"),
    "#cfe3f5": ("store", "fourier", "linear", "scoring"),
    "#d5ecd0": ("data", "backbones", "features", "probes", "interventions", "head"),
    "#fbe3bf": ("study", "summary", "figures", "explorer", "report"),
    "#ecd5e9": ("planning", "verify", "inspection", "workflow", "cli", "__main__"),
}
# A room, or the place where an arrow between two rooms crosses a layer.
Node = str | tuple[str, str, int]


def read_layers() -> list[list[str]]:
    """Layers of rooms from the import contract, the highest first."""
    project = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def read_imports() -> dict[str, set[str]]:
    """For each room the rooms that it imports."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    rooms = graph.find_children(PACKAGE)
    for room in rooms:
        graph.squash_module(room)
    found = {room: graph.find_modules_directly_imported_by(room) & rooms for room in rooms}
    short = {room: room.removeprefix(f"{PACKAGE}.") for room in rooms}
    return {short[room]: {short[other] for other in others} for room, others in found.items()}


def without_shortcuts(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same without arrows that a longer path implies (the transitive reduction)."""

    def below(room: str) -> set[str]:
        return set().union(*({other} | below(other) for other in imports[room]))

    return {
        room: {one for one in others if not any(one in below(two) for two in others - {one})}
        for room, others in imports.items()
    }


def draw_rooms() -> str:
    """The picture as SVG."""
    layers, arrows = read_layers(), without_shortcuts(read_imports())
    level = {room: row for row, layer in enumerate(layers) for room in layer}
    ways: dict[tuple[str, str], list[Node]] = {}
    rows: list[list[Node]] = [list(layer) for layer in layers]
    for room, others in sorted(arrows.items()):
        for other in sorted(others):
            passed = [(room, other, row) for row in range(level[room] + 1, level[other])]
            ways[room, other] = [room, *passed, other]
            for node in passed:
                rows[node[2]].append(node)
    place = arrange(rows, list(ways.values()))
    left = min(place[room] for room in level) - BOX[0] / 2 - GAP
    width = max(place[room] for room in level) + BOX[0] / 2 + GAP - left
    height = ROW * len(rows)
    parts = [_arrow(way, place, level) for way in ways.values()]
    parts += [_box(room, place[room], row * ROW + ROW / 2) for room, row in level.items()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} 0 {width:.0f} {height}"'
            f' width="{width:.0f}" height="{height}" font-family="sans-serif" font-size="13">',
            "<title>Rooms of the package; arrows point to what is imported</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
            ' markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>',
            f'<rect x="{left:.0f}" width="{width:.0f}" height="{height}" rx="8" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def arrange(rows: Sequence[list[Node]], ways: Sequence[Sequence[Node]]) -> dict[Node, float]:
    """Centre of each node along its row: close to its neighbours, and apart from the others.

    Rows are put in order by the means of their neighbours, down and up in turn (Sugiyama, Tagawa
    and Toda, "Methods for visual understanding of hierarchical system structures", 1981).
    """
    near: dict[Node, list[Node]] = {node: [] for row in rows for node in row}
    for way in ways:
        for one, other in pairwise(way):
            near[one].append(other)
            near[other].append(one)
    place: dict[Node, float] = {}
    for row in rows:
        place |= {node: 60.0 * (at - len(row) / 2) for at, node in enumerate(row)}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else rows[::-1]:
            wanted = {node: sum(place[one] for one in near[node]) / len(near[node]) for node in row}
            row.sort(key=wanted.__getitem__)
            place |= _apart(row, wanted)
    return place


def _apart(row: Sequence[Node], wanted: Mapping[Node, float]) -> dict[Node, float]:
    """Places in order, none on another, around the means of what was wanted."""
    at, place = 0.0, {}
    for node in row:
        half = (BOX[0] if isinstance(node, str) else PASSING) / 2
        at += half
        at = max(at, wanted[node]) if place else wanted[node]
        place[node] = at
        at += half + GAP
    shift = sum(wanted[node] - place[node] for node in row) / len(row)
    return {node: found + shift for node, found in place.items()}


def _box(room: str, x: float, y: float) -> str:
    colour = next((name for name, rooms in COLOURS.items() if room in rooms), "white")
    width, height = BOX
    return (
        f'<g class="room" id="{escape(room)}" data-y="{y:.0f}"><rect x="{x - width / 2:.1f}"'
        f' y="{y - height / 2:.1f}" width="{width}" height="{height}" rx="5" fill="{colour}"'
        f' stroke="#555"/><text x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle">{escape(room)}'
        "</text></g>"
    )


def _arrow(way: Sequence[Node], place: Mapping[Node, float], level: Mapping[str, int]) -> str:
    """A curve from the bottom of a box through the gaps of the layers to the top of another."""
    points = []
    for node in way:
        row = level[node] if isinstance(node, str) else node[2]
        points.append((place[node], row * ROW + ROW / 2))
    half = BOX[1] / 2
    x, y = points[0][0], points[0][1] + half
    path = f"M{x:.1f} {y:.1f}"
    for number, (to, middle) in enumerate(points[1:], 2):
        top = middle - half
        bend = (y + top) / 2
        path += f"C{x:.1f} {bend:.1f} {to:.1f} {bend:.1f} {to:.1f} {top:.1f}"
        if number < len(points):
            path += f"V{middle + half:.1f}"
        x, y = to, middle + half
    return (
        f'<path class="arrow" data-from="{way[0]}" data-to="{way[-1]}" d="{path}" fill="none"'
        ' stroke="#555" stroke-width="1.2" marker-end="url(#head)"/>'
    )
