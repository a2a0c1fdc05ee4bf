"""Workloads of the field, and the advice that someone who runs them would accept, each with its reason."""

import pytest
from counting import calls_of

from workflow_context.models.advice import Advice, advise
from workflow_context.models.prices import default_prices
from workflow_context.models.workloads import Workload, load_workload, presets

PRICES = default_prices()
POSIX = ("EFS", "OFS", "S3Files", "FSxLustre")
"""What miniwdl works on."""

KEYS = (
    *("inputGib", "intermediatesGib", "readGib", "writeGib", "tasks", "concurrency", "taskHours", "taskVcpus"),
    *("taskMemoryGib", "tasksPerHost", "runsPerMonth", "retentionHours"),
)
FIGURES = {
    "panel140": (2, 6, 20, 9, 30, 10, 0.25, 4, 16, None, 140, 0),
    "panel": (2, 6, 20, 9, 30, 10, 0.25, 4, 16, None, 300, 0),
    "iohot": (500, 2000, 60000, 20000, 400, 100, 0.5, 4, 16, 2, 4, 24),
    "iohot40": (500, 2000, 60000, 20000, 400, 100, 0.5, 4, 16, 2, 40, 24),
    "firehose": (500, 2000, 5000000, 1000000, 400, 100, 0.5, 4, 16, 2, 4, 24),
    "joint1000": (3000, 8000, 40000, 12000, 3000, 500, 2, 2, 16, 8, 1, 48),
    "microbial": (1000, 1500, 6000, 2500, 10000, 200, 0.1, 4, 8, 4, 2, 168),
    "exome200": (1200, 3000, 9000, 4500, 2000, 150, 1, 4, 16, 4, 1, 720),
    "star500": (3000, 4000, 22000, 8000, 1500, 100, 0.7, 12, 72, None, 1, 336),
    "assembly": (150, 800, 4000, 1200, 12, 2, 12, 32, 250, None, 2, 336),
    "petabyte": (60000, 60000, 120000, 120000, 20000, 1000, 2, 4, 16, None, 1, 720),
    "tiny": (0.5, 0.5, 1, 1, 5, 5, 0.05, 1, 2, None, 1000, 0),
}


def workload(name: str, **more: float) -> Workload:
    if name in presets():
        return load_workload(name).varied(**more)
    figures = {key: value for key, value in zip(KEYS, FIGURES[name], strict=True) if value is not None}
    return Workload.model_validate({"name": name, **figures}).varied(**more)


def advice(name: str, fs_types: tuple[str, ...] | None = None, **more: float) -> Advice:
    return advise(workload(name, **more), PRICES, fs_types=fs_types)


@pytest.mark.parametrize(
    ("name", "expected", "reason"),
    [
        ("gatk-bam-to-vcf", "EFS bursting", "50 tasks would each copy the whole BAM from S3; little is kept"),
        ("gatk-germline-wgs", "S3", "2.5 hours of work a task hide the minutes of copying, and storage is dear"),
        ("nfcore-rnaseq-test-full", "OFS", "short tasks copy a pair of FASTQ files each; work is kept for a week"),
        ("nfcore-sarek-tumor-normal", "OFS", "scattered tasks copy CRAMs; 2.8 TB are kept for a month"),
        ("nfcore-scrnaseq-starsolo", "S3", "few and large tasks read their inputs once"),
        ("simulation-cpu-bound", "S3", "there is next to no data"),
        ("cohort-archive", "S3Files", "5,000 tasks would each copy a BAM, and all is kept for 90 days"),
        ("microbial", "S3", "many small tasks with their own small inputs"),
        ("exome200", "S3", "an hour of work on a few GiB, kept for a month"),
        ("star500", "S3", "one task a machine, kept for two weeks"),
        ("joint1000", "OFS", "tasks of all samples at once: bursting EFS cannot, elastic EFS charges 40 TB of reads"),
        ("iohot", "S3Files", "8 GiB/s for two hours, four times a month: pay by the GB"),
        ("iohot40", "FSxLustre", "the same 40 times a month: Lustre that stands costs a sixth"),
        ("petabyte", "S3", "above what ObjectiveFS holds; storage is the bill"),
    ],
)
def test_the_advice_is_one_that_an_expert_accepts(name, expected, reason):
    assert advice(name).choice.choice.key == expected, reason


@pytest.mark.parametrize("name", ["panel140", "panel"])
def test_credits_that_a_new_file_system_has_once_are_no_advice(name):
    found = advice(name, POSIX)
    bursting = next(option for option in found.options if option.choice.key == "EFS bursting")
    assert found.choice.choice.key == "EFS provisioned"
    assert bursting.use.slowdown > 3
    assert bursting.use.first_slowdown < bursting.use.slowdown
    assert any("credits that a new file system gets once" in note for note in bursting.use.notes)


def test_s3_files_has_the_ceiling_that_aws_gives():
    s3_files = next(option for option in advice("firehose").options if option.choice.key == "S3Files")
    assert s3_files.use.slowdown > 20


def test_a_capacity_bought_for_throughput_is_pointed_out():
    assert "ask for that quota first" in advice("firehose", ("FSxLustre",)).reason


def test_objectivefs_is_not_called_fast_enough_without_a_word_of_caution():
    assert "no measurement of ObjectiveFS with" in advice("joint1000").reason


def test_objectivefs_with_several_mounts_has_the_locking_penalty_that_latch_measured():
    heavy = {"read_gib": 50_000.0, "write_gib": 20_000.0}
    hours = {
        hosts: next(
            option.run_hours
            for option in advise(workload("assembly", concurrency=hosts, **heavy), PRICES, fs_types=("OFS",)).options
        )
        for hosts in (1, 2)
    }
    # Twice the machines move twice as much, less 188.40/212.31 of the reads and 208.74/246.64 of the writes.
    assert 208.74 / 246.64 < hours[1] / 2 / hours[2] < 188.40 / 212.31


def test_the_staged_inputs_turn_the_advice():
    shares = workload("gatk-bam-to-vcf", staged_gib_per_task=None)
    assert advise(shares, PRICES).choice.choice.key == "S3"
    turns = advice("cohort-archive").turns
    assert any("stagedGibPerTask" in turn.figure and turn.other == "S3" for turn in turns)


def test_infrequent_access_is_weighed_where_files_are_kept():
    by_key = {option.choice.key: option for option in advice("cohort-archive").options}
    assert by_key["EFS elastic, IA after 7 days"].usd_per_month < by_key["EFS elastic"].usd_per_month / 2
    assert by_key["EFS bursting, IA after 7 days"].usd_per_month < by_key["OFS"].usd_per_month
    assert any("tiering" in item.item for item in by_key["EFS elastic, IA after 7 days"].unpriced)


def test_the_slowdown_that_is_allowed_is_varied_too():
    turns = advice("iohot").turns
    assert any("maxSlowdown" in turn.figure and turn.other == "OFS" for turn in turns)


def test_above_the_budget_the_fastest_within_it_is_named():
    found = advice("iohot", budget_usd_per_month=700.0)
    assert found.within_budget is False
    within = found.fastest_within_budget
    assert within is not None
    assert within.usd_per_month <= 700
    assert within.use.slowdown == min(o.use.slowdown for o in found.options if o.usd_per_month <= 700)


def test_lustre_is_sized_by_throughput_too():
    lustre = next(option for option in advice("iohot").options if option.choice.key == "FSxLustre")
    assert lustre.use.slowdown == 1
    assert lustre.use.setting == "SCRATCH_2, 76,800 GiB"


def test_a_peak_asks_for_more_provisioned_throughput():
    plain, peaked = (advice("iohot", ("EFS",), peak_factor=peak) for peak in (1.0, 4.0))
    settings = [
        next(option.use.setting for option in found.options if option.choice.key == "EFS provisioned")
        for found in (plain, peaked)
    ]
    assert settings == ["provisioned 3414 MiB/s"] * 2
    small = [
        next(
            option.use.setting
            for option in advice("panel", ("EFS",), peak_factor=peak).options
            if option.choice.key == "EFS provisioned"
        )
        for peak in (1.0, 4.0)
    ]
    assert float(small[1].split()[1]) > 3 * float(small[0].split()[1])


@pytest.mark.parametrize("runs", [1, 100, 10_000, 100_000])
def test_the_advice_takes_the_same_work_whatever_the_number_of_runs(runs):
    assert calls_of(lambda: advice("tiny", runs_per_month=float(runs))) < 2_000_000


def test_what_seqera_published_of_a_run_is_near_the_estimate_on_s3():
    found = advice("nfcore-rnaseq-test-full")
    s3 = next(option for option in found.options if option.choice.key == "S3")
    assert "58.40" in found.workload.published["usdPerRun"]
    assert 58.40 * 0.75 < s3.per_run.usd < 58.40 * 1.35


def test_many_files_are_many_requests():
    few, many = (
        next(option for option in advice("microbial", files=files).options if option.choice.key == "S3")
        for files in (0, 50_000_000)
    )
    assert many.per_run.usd > few.per_run.usd + 50_000_000 / 1000 * 0.005 * 0.9
