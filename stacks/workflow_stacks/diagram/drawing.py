"""The picture of an architecture, by matplotlib: the optional extra `plot`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_stacks.errors import WorkflowContextError

from .architecture import Architecture
from .geometry import Line, Rect
from .graph import Node
from .labels import not_drawn
from .layout import (
    LINE,
    NAME,
    PADDING,
    layout_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXTENSIONS = (".svg", ".png", ".pdf")

_INK, _GREY = "#262626", "#6e6e6e"
_FACES = {
    "client": ("#ffffff", _GREY),
    "queue": ("#f7e6ef", "#b5568f"),
    "environment": ("#fdf1d9", "#c98500"),
    "filesystem": ("#dcebf5", "#0072b2"),
    "bucket": ("#dcf1e9", "#00805c"),
    "gateway": ("#ffffff", _GREY),
    "endpoint": ("#ffffff", "#00805c"),
}
_FRAMES = {"network": ("#fafafa", _GREY, "-"), "subnets": ("#ffffff", "#9a9a9a", "--")}
_COLOURS = {
    "submits": "#b5568f",
    "runs on": "#b5568f",
    "mounts": "#0072b2",
    "objects": "#00805c",
    "routes": _GREY,
}
_TEXT, _BOLD, _SMALL, _HEADING = 9.0, 9.5, 8.5, 12.0
_FONTS = ["DejaVu Sans", "Verdana", "Arial"]


def check(file: Path) -> None:
    """Refuse a picture that cannot be drawn, before the work begins.

    Raises:
        WorkflowContextError: The extension is not one of `EXTENSIONS`, or the folder does not exist.
        ModuleNotFoundError: matplotlib is not installed.
    """
    if file.suffix.lower() not in EXTENSIONS:
        raise WorkflowContextError(f"{file}: a picture is one of {', '.join(EXTENSIONS)}")
    if not file.absolute().parent.is_dir():
        raise WorkflowContextError(f"{file}: there is no folder {file.parent}")
    import_module("matplotlib")


def draw(architecture: Architecture, title: str, file: Path) -> None:
    """Draw an architecture.

    Args:
        architecture: What to draw.
        title: The heading.
        file: Where to: SVG, PNG or PDF by its extension.

    Raises:
        WorkflowContextError: It cannot be drawn, as `check` says, or the file cannot be written.
        ModuleNotFoundError: matplotlib is not installed.
    """
    check(file)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    layout = layout_of(architecture)
    # Without a date and with a fixed salt the same architecture gives the same SVG, whose text is text.
    settings: Any = {"svg.hashsalt": "workflow-context", "svg.fonttype": "none", "font.sans-serif": _FONTS}
    with rc_context(settings):
        figure = Figure(figsize=(layout.width, layout.height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, layout.width)
        axes.set_ylim(layout.height, 0)
        axes.axis("off")
        axes.text(0.1, 0.3, title, fontsize=_HEADING, weight="bold", color=_INK, va="center")
        nodes = {node.id: node for node in architecture.nodes}
        for id in reversed(layout.frames):
            _frame(axes, nodes[id], layout.frames[id])
        for line in layout.lines:
            _line(axes, line)
        for id, rect in layout.boxes.items():
            _box(axes, nodes[id], rect, layout.texts[id])
        _footer(axes, architecture, layout.height)
        metadata = {"Date": None, "Title": title} if file.suffix.lower() == ".svg" else None
        try:
            figure.savefig(file, dpi=150, metadata=metadata)
        except OSError as error:
            raise WorkflowContextError(f"{file}: cannot be written: {error.strerror}") from error


def _frame(axes: Axes, node: Node, rect: Rect) -> None:
    face, edge, style = _FRAMES[node.kind]
    _rectangle(axes, rect, face, edge, linestyle=style, zorder=1 if node.kind == "network" else 1.5)
    words = ", ".join((node.name, *node.details[:1]))
    axes.text(rect.x + 0.1, rect.y + 0.17, words, fontsize=_SMALL, color=_GREY, va="center", zorder=2)


def _box(axes: Axes, node: Node, rect: Rect, lines: tuple[str, ...]) -> None:
    face, edge = _FACES[node.kind]
    _rectangle(axes, rect, face, edge, zorder=5)
    height = NAME + LINE * len(lines)
    y = rect.y + max(PADDING, (rect.height - height) / 2) + NAME / 2
    middle = rect.at_x(0.5)
    axes.text(middle, y, node.name, fontsize=_BOLD, weight="bold", color=_INK, ha="center", va="center", zorder=6)
    for index, line in enumerate(lines):
        below = y + NAME / 2 + LINE * (index + 0.5)
        axes.text(middle, below, line, fontsize=_TEXT, color=_INK, ha="center", va="center", zorder=6)


def _rectangle(axes: Axes, rect: Rect, face: str, edge: str, *, zorder: float, linestyle: str = "-") -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (rect.x, rect.y),
            rect.width,
            rect.height,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=face,
            edgecolor=edge,
            linewidth=1.2,
            linestyle=linestyle,
            zorder=zorder,
        )
    )


def _line(axes: Axes, line: Line) -> None:
    colour = _COLOURS[line.kind]
    xs, ys = [x for x, _ in line.points], [y for _, y in line.points]
    zorder = 4.0 if line.kind == "mounts" else 3.0
    axes.plot(xs, ys, color="white", linewidth=4.5, zorder=zorder, solid_capstyle="butt")
    axes.plot(xs, ys, color=colour, linewidth=1.5, zorder=zorder + 0.1, solid_capstyle="round")
    if line.head:
        (x0, y0), (x1, y1) = line.points[-2:]
        arrow = {"arrowstyle": "-|>,head_width=0.22,head_length=0.42", "color": colour, "linewidth": 1.5}
        arrow |= {"shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (x1, y1), (x0, y0), arrowprops=arrow, zorder=zorder + 0.1)
    if line.label:
        x, y = line.label_at
        axes.text(x, y, line.label, fontsize=_SMALL, color=colour, ha="center", va="bottom", zorder=7)


def _footer(axes: Axes, architecture: Architecture, height: float) -> None:
    source = f"Generated from the synthesized templates {' and '.join(architecture.stacks)}."
    axes.text(0.1, height - 0.32, source, fontsize=_SMALL, color=_GREY, va="center")
    rest = not_drawn(architecture.not_drawn)
    if rest:
        axes.text(0.1, height - 0.14, f"Not drawn: {rest}.", fontsize=_SMALL, color=_GREY, va="center")
