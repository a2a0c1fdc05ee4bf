"""Pictures: written, the same each time, and a clear word when matplotlib is absent."""

import builtins

import pytest

from workflow_context.models.advice import advise
from workflow_context.models.break_even import break_even
from workflow_context.models.burst_credits import (
    Demand,
    EfsModel,
    ThroughputMode,
    simulate,
)
from workflow_context.models.errors import ModelError
from workflow_context.models.plots import Bar, plot_advice, plot_costs, plot_throughput
from workflow_context.models.prices import default_prices
from workflow_context.models.workloads import load_workload, presets

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
