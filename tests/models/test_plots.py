"""Pictures: written, the same each time, and a clear word when matplotlib is absent."""

import builtins
import re
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from typer.testing import CliRunner

from workflow_context.models import plots
from workflow_context.models.advice import advise
from workflow_context.models.break_even import break_even
from workflow_context.models.burst_credits import (
    Demand,
    EfsModel,
    ThroughputMode,
    simulate,
)
from workflow_context.models.errors import ModelError
from workflow_context.models.file_systems import CHOICES
from workflow_context.models.plots import Bar, plot_advice, plot_costs, plot_throughput
from workflow_context.models.prices import default_prices
from workflow_context.models.run_costs import run_cost
from workflow_context.models.workloads import load_workload, presets
from workflow_stacks.cli import app

PRICES = default_prices()


@pytest.mark.parametrize("mode", [ThroughputMode.BURSTING, ThroughputMode.ELASTIC])
def test_a_throughput_picture_is_the_same_each_time(tmp_path, mode):
    result = simulate(EfsModel(100, mode), [Demand(10, write_mibps=100)])
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for file in (first, second):
        plot_throughput(result, [(0, 100), (10, 0)], file)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_text().startswith("<?xml")


def test_the_comparison_draws_every_preset_about_the_break_even_line(tmp_path):
    advice = advise(load_workload("gatk-germline-wgs"), PRICES)
    points = [break_even(load_workload(name), PRICES) for name in presets()]
    file = tmp_path / "advice.png"
    plot_advice(advice.options, points, "2026-10-08", file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_nothing_known_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"\.png, \.svg, \.pdf"):
        plot_costs([Bar("idle", [])], "a title", "today", tmp_path / "picture.jpeg")
    with pytest.raises(ModelError, match="cannot be written"):
        plot_costs([Bar("idle", [])], "a title", "today", tmp_path / "absent" / "picture.png")


def test_without_matplotlib_the_message_names_the_extra(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelError, match=r"pip install 'cdk-workflow-context\[plots\]'"):
        plot_costs([Bar("idle", [])], "a title", "today", tmp_path / "picture.png")


PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


@pytest.mark.parametrize("name", ["throughput.svg", "recommend.svg"])
def test_the_pictures_of_the_documentation_are_what_its_commands_draw(name, tmp_path):
    page = (PICTURES.parent / "estimates.md").read_text()
    [command] = re.findall(rf"^workflow-context (.* --plot docs/pictures/{name})$", page, re.MULTILINE)
    drawn = tmp_path / name
    outcome = CliRunner().invoke(app, [*command.split()[:-1], str(drawn)])
    assert outcome.exit_code == 0, outcome.output
    assert drawn.read_text() == (PICTURES / name).read_text(), "run: make pictures"


def overprints(figure) -> list[tuple[str, str]]:
    """The pairs of texts that lie on each other, and the texts that run over the edge."""
    renderer = figure.canvas.get_renderer()
    beyond = [
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    ]
    texts = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and not text.get_text().isdigit() and text not in beyond
    ]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    found = [
        (one, other)
        for (one, first), (other, second) in combinations(boxes, 2)
        if min(first.x1, second.x1) - max(first.x0, second.x0) > 1
        and min(first.y1, second.y1) - max(first.y0, second.y0) > 1
    ]
    width, height = figure.get_size_inches() * figure.dpi
    outside = [(name, "edge") for name, box in boxes if box.x0 < -1 or box.x1 > width + 1 or box.y1 > height + 1]
    return found + outside


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved, rendered."""
    figures = []

    def keep(figure, _file):
        FigureCanvasAgg(figure)
        figure.canvas.draw()
        figures.append(figure)

    monkeypatch.setattr(plots, "_save", keep)
    return figures


@pytest.mark.parametrize("length", [3, 24, 60, 200])
@pytest.mark.parametrize("bars", [1, 9])
def test_no_label_of_a_picture_of_costs_lies_on_another(drawn, tmp_path, length, bars):
    lines = run_cost(CHOICES[0], load_workload("gatk-germline-wgs"), PRICES).per_run.lines
    label = ("a-name of a workload " * 20)[:length]
    plot_costs(
        [Bar(f"{number} {label}", lines) for number in range(bars)], label, "prices of us-east-1", tmp_path / "a.png"
    )
    assert overprints(drawn[0]) == []


@pytest.mark.parametrize("length", [3, 60, 200])
def test_no_label_of_the_comparison_lies_on_another(drawn, tmp_path, length):
    name = ("nfcore-sarek-tumor-normal-" * 10)[:length]
    workload = load_workload("gatk-germline-wgs").model_copy(update={"name": name})
    points = [break_even(each, PRICES) for each in (*map(load_workload, presets()), workload)]
    plot_advice(
        advise(workload, PRICES).options, points, "prices of us-east-1, 2024-07-01 to 2026-10-08", tmp_path / "a.png"
    )
    assert overprints(drawn[0]) == []
