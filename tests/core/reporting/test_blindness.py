from oomwarden.core.reporting.blindness import Blindness


def test_nothing_missing_is_nothing_to_say() -> None:
    assert Blindness().watches_remedy(8192, 128) == Blindness().unopened_remedy(1024) == ""


def test_missing_watches_name_the_settings_and_what_they_are_now() -> None:
    told = Blindness(watches=3, watches_why="No space left on device").watches_remedy(8192, None)
    assert "3 inotify watches are refused (No space left on device)" in told
    assert "max_user_watches (now 8192)" in told
    assert "max_user_instances (now unknown)" in told
    assert "anon_inode:inotify" in told


def test_unopened_cgroups_are_named_with_the_limit() -> None:
    told = Blindness(
        unopened=5, unopened_why="Too many open files", examples=("a/b", "c")
    ).unopened_remedy(1024)
    assert "5 cgroups cannot be read (Too many open files): a/b, c and others" in told
    assert "1024 files" in told
    assert "LimitNOFILE" in told


def test_a_root_of_all_pods_that_cannot_be_opened_is_named() -> None:
    assert "kubepods.slice." in Blindness.of_top("kubepods.slice", "EIO").unopened_remedy(1)
