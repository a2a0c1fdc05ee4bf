"""What `workflow-context browse` shows of a file system: lists and text, and nothing that is elsewhere."""

import os
from pathlib import Path

import pytest

from workflow_context.scripts.browse import MOST_BYTES, MOST_LINES, NothingToShowError, answer, main


def shown(root: Path, path: str, mode: str = "show", most: int = MOST_LINES) -> list[str]:
    return answer(root, mode, path, most)


def test_a_directory_is_listed_with_sizes_times_and_links(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "reads.bam").write_bytes(b"x" * 12345)
    (tmp_path / "latest").symlink_to("run")
    os.utime(tmp_path / "reads.bam", (1_800_000_000, 1_800_000_000))
    lines = shown(tmp_path, ".", "list")
    assert [line.split("  ")[-1] for line in lines] == ["latest -> run", "reads.bam", "run/"]
    assert lines[1].split() == ["12,345", "2027-01-15", "08:00", "reads.bam"]


def test_a_link_within_the_file_system_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("here\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert shown(tmp_path, "link") == ["here"]


@pytest.mark.parametrize("path", ["link", "../secret", "/proc/self/environ", "link/../secret"])
def test_nothing_outside_is_shown(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("key")
    (root / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(NothingToShowError, match="is not below"):
        shown(root, path)


def test_what_is_no_text_is_told_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "reads.bam").write_bytes(b"BAM\0" * 100)
    with pytest.raises(NothingToShowError, match="is no text; it has 400 bytes"):
        shown(tmp_path, "reads.bam")


def test_letters_that_a_terminal_obeys_are_not_printed(tmp_path: Path) -> None:
    (tmp_path / "evil").write_bytes(b"\x1b[2Jgone\tkept\r\n\xff\n")
    assert shown(tmp_path, "evil") == ["\ufffd[2Jgone\tkept", "\ufffd"]


def test_of_a_large_file_the_beginning_or_the_end_is_shown(tmp_path: Path) -> None:
    (tmp_path / "large").write_text("".join(f"{number:07}\n" for number in range(MOST_BYTES // 4)))
    assert shown(tmp_path, "large", "tail", 2) == [f"{MOST_BYTES // 4 - 2:07}", f"{MOST_BYTES // 4 - 1:07}"]
    beginning = shown(tmp_path, "large")
    assert (beginning[0], len(beginning)) == ("0000000", MOST_LINES + 1)
    assert "--tail" in beginning[-1]
    assert len(shown(tmp_path, "large", "tail", 10**6)) == MOST_LINES


def test_a_directory_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(NothingToShowError, match="is a directory: leave out --show"):
        shown(tmp_path, ".")


def test_empty_lines_come_through_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("one\n\n@end\n")
    assert main([str(tmp_path), "show", "text", "100"]) == 0
    assert capsys.readouterr().out == "|one\n|\n|@end\n@end\n"
    main([str(tmp_path), "show", "none", "100"])
    assert capsys.readouterr().out == "!none: No such file or directory\n@end\n"
