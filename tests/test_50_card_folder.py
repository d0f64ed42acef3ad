from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from s1card.card import folder as folder_module
from s1card.card.folder import ABANDONED_AFTER, atomic_folder, remove_abandoned
from s1card.errors import ResourceError, UsageError

KILLED = """
import sys, time
from pathlib import Path
from s1card.card.folder import atomic_folder
with atomic_folder(Path(sys.argv[1]), overwrite=True) as staging:
    (staging / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def names(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir())


def hidden(parent: Path, host: str, pid: int, suffix: str = "part") -> Path:
    path = parent / f".card.{host}.{pid}.0123abcd.{suffix}"
    path.mkdir()
    (path / "half").write_text("half")
    return path


def make_old(path: Path) -> None:
    past = time.time() - ABANDONED_AFTER - 60
    for each in (path / "half", path):
        os.utime(each, (past, past))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_name_appears_at_the_end(tmp_path: Path) -> None:
    final = tmp_path / "deep" / "card"
    with atomic_folder(final) as staging:
        (staging / "file").write_text("all")
        assert not final.exists()
        assert staging.parent == final.parent
    assert names(final.parent) == ["card"]
    assert (final / "file").read_text() == "all"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_after_an_exception(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), atomic_folder(tmp_path / "card") as staging:
        (staging / "sub").mkdir()
        (staging / "sub" / "half").write_text("half")
        raise error
    assert names(tmp_path) == []


def test_disk_full_is_a_resource_error(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="disk is full"), atomic_folder(tmp_path / "card"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_other_system_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="I/O"), atomic_folder(tmp_path / "card"):
        raise OSError(errno.EIO, "I/O error")
    assert names(tmp_path) == []


def test_an_existing_card_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "file").write_text("old")
    with pytest.raises(UsageError, match="exists already"), atomic_folder(tmp_path / "card"):
        pytest.fail("the work must not begin")
    assert (tmp_path / "card" / "file").read_text() == "old"


def test_a_card_that_appears_meanwhile_wins(tmp_path: Path) -> None:
    final = tmp_path / "card"
    with pytest.raises(UsageError, match="exists already"), atomic_folder(final) as staging:
        (staging / "file").write_text("late")
        final.mkdir()
        (final / "file").write_text("first")
    assert names(tmp_path) == ["card"]
    assert (final / "file").read_text() == "first"


def test_overwrite_replaces_the_whole_folder(tmp_path: Path) -> None:
    final = tmp_path / "card"
    final.mkdir()
    (final / "old").write_text("old")
    with atomic_folder(final, overwrite=True) as staging:
        (staging / "new").write_text("new")
        assert names(final) == ["old"]
    assert names(tmp_path) == ["card"]
    assert names(final) == ["new"]


def test_a_failed_overwrite_keeps_the_old_folder(tmp_path: Path) -> None:
    final = tmp_path / "card"
    final.mkdir()
    (final / "old").write_text("old")
    with pytest.raises(ValueError), atomic_folder(final, overwrite=True):
        raise ValueError
    assert names(tmp_path) == ["card"]
    assert names(final) == ["old"]


def test_a_failed_rename_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = tmp_path / "card"
    final.mkdir()
    (final / "old").write_text("old")
    rename = Path.rename

    def fail_for_staging(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            raise OSError(errno.EIO, "I/O error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_staging)
    with pytest.raises(OSError, match="I/O"), atomic_folder(final, overwrite=True):
        pass
    assert names(tmp_path) == ["card"]
    assert names(final) == ["old"]


def test_kill_9_leaves_no_final_name_and_the_next_run_cleans_up(tmp_path: Path) -> None:
    final = tmp_path / "card"
    command = [sys.executable, "-c", KILLED, str(final)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert not final.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".card.")
    assert left.name.endswith(".part")
    with atomic_folder(final) as staging:
        assert not left.exists()
        (staging / "file").write_text("all")
    assert names(tmp_path) == ["card"]


def test_a_living_process_keeps_its_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "card")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert remove_abandoned(tmp_path) == ()
        process.kill()


def test_own_unfinished_work_is_kept(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "one") as first, atomic_folder(tmp_path / "two"):
        assert remove_abandoned(tmp_path) == ()
        assert first.is_dir()


@pytest.mark.parametrize("suffix", ["part", "old"])
def test_dead_processes_of_this_host_are_cleaned_up_at_once(tmp_path: Path, suffix: str) -> None:
    left = hidden(tmp_path, folder_module._host(), dead_pid(), suffix)
    assert remove_abandoned(tmp_path) == (left,)
    assert names(tmp_path) == []


def test_a_folder_under_our_reused_process_id_is_not_ours(tmp_path: Path) -> None:
    left = hidden(tmp_path, folder_module._host(), os.getpid())
    assert remove_abandoned(tmp_path) == (left,)


def test_other_hosts_are_cleaned_up_by_age(tmp_path: Path) -> None:
    left = hidden(tmp_path, "node-17", dead_pid())
    assert remove_abandoned(tmp_path) == ()
    make_old(left)
    assert remove_abandoned(tmp_path) == (left,)


def test_foreign_folders_are_never_touched(tmp_path: Path) -> None:
    for name in (".git", "card", ".card.part", ".x.node.12.zzzzzzzz.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("")
        make_old(tmp_path / name)
    assert remove_abandoned(tmp_path) == ()


def test_a_parent_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="cannot write"), atomic_folder(tmp_path / "out" / "card"):
        pass
