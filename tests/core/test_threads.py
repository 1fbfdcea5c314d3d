"""Work that is shared out among threads is done once, and what fails in one of them is not lost."""

from __future__ import annotations

import os
from threading import Barrier, current_thread, get_ident

import pytest

from convgrad.core import threads


@pytest.fixture(autouse=True)
def two_threads():
    threads.limit(2)
    yield
    threads.limit(None)


def test_what_fails_in_a_helper_is_raised_where_work_was_shared():
    meeting, caller = Barrier(2, timeout=60), get_ident()

    def fail_in_the_helper(item):
        meeting.wait()  # each thread has an item
        if get_ident() != caller:
            raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        threads.share(fail_in_the_helper, range(2), threads.SHARED)


def test_a_helper_keeps_no_process_alive():
    meeting, caller, helpers = Barrier(2, timeout=60), get_ident(), []

    def meet(item):
        meeting.wait()  # each thread has an item
        if get_ident() != caller:
            helpers.append(current_thread().daemon)

    threads.share(meet, range(2), threads.SHARED)
    assert helpers == [True]


def test_every_item_is_done_once():
    done = []
    threads.share(done.append, range(100), threads.SHARED)
    assert sorted(done) == list(range(100))


def test_little_work_is_not_shared():
    ids = set()
    threads.share(lambda item: ids.add(get_ident()), range(100), threads.SHARED - 1)
    assert ids == {get_ident()}


def test_without_a_count_of_cores_there_is_one(monkeypatch):
    threads.limit(None)
    monkeypatch.setattr(threads, "_openblas", lambda: None)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.threads() == 1
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert threads.threads() == 3
