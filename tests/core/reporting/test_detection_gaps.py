from oomwarden.core.reporting.detection_gaps import DetectionGaps


def test_without_gaps_there_is_no_remedy() -> None:
    assert DetectionGaps().watches_remedy(8192, 128) == DetectionGaps().unopened_remedy(1024) == ""


def test_missing_watches_name_the_settings_and_their_current_values() -> None:
    reported = DetectionGaps(watches=3, watches_error="No space left on device").watches_remedy(
        8192, None
    )
    assert "3 inotify watches are refused (No space left on device)" in reported
    assert "max_user_watches (now 8192)" in reported
    assert "max_user_instances (now unknown)" in reported
    assert "anon_inode:inotify" in reported


def test_unopened_cgroups_are_named_with_the_limit() -> None:
    reported = DetectionGaps(
        unopened=5, unopened_error="Too many open files", examples=("a/b", "c")
    ).unopened_remedy(1024)
    assert "5 cgroups cannot be read (Too many open files): a/b, c and others" in reported
    assert "1024 files" in reported
    assert "LimitNOFILE" in reported


def test_a_root_cgroup_that_cannot_be_opened_is_named() -> None:
    assert "kubepods.slice." in DetectionGaps.for_root("kubepods.slice", "EIO").unopened_remedy(1)
