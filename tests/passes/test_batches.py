"""A batch in parts has the gradients of the whole, takes memory for a part only, and leaves nothing half-written."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import convgrad
from convgrad.cli import run
from convgrad.core import threads
from convgrad.documents.binary import part
from convgrad.documents.output import array_file
from convgrad.errors import RequestError
from convgrad.passes.batches import batch_of, gradients_into, output_into
from tests.passes.numbers import whole_numbers
from tests.peak import PEAK
from tests.program import ROOT, hear_signals, surroundings

SAMPLES, ROOM = 7, 3 << 10  # a few samples a part
CASES = {
    "conv": {"kernel": (4, 3, 3, 2), "bias": (4,), "padding": 1, "stride": [2, 1]},
    "conv of few channels": {"kernel": (1, 3, 2, 2)},
    "conv, padded by reflection": {"kernel": (2, 3, 3, 3), "padding": 2, "padding_mode": "reflect"},
    "conv turned": {"kernel": (2, 3, 3, 3), "mode": "convolution", "padding": "same"},
    "conv-transpose": {"op": "conv-transpose", "kernel": (3, 2, 3, 3), "bias": (2,), "stride": 2},
    "max-pool": {"op": "max-pool", "window": 3, "stride": 2},
    "average-pool": {"op": "average-pool", "window": 2, "padding": 1},
    "lp-pool": {"op": "lp-pool", "window": 2, "norm": 1},
    "adaptive-max-pool": {"op": "adaptive-max-pool", "output_size": 2, "dims": 2},
    "adaptive-average-pool": {"op": "adaptive-average-pool", "output_size": [1, 3]},
}


def document(name, **more):
    settings = {"dims": 2, **CASES[name]}
    arrays = {key: whole_numbers(settings.pop(key), 1) for key in ("kernel", "bias") if key in settings}
    case = {"input": whole_numbers((SAMPLES, 3, 6, 5)), **arrays, **settings}
    shape = convgrad.forward(case).output.shape
    return {**case, "delta": 12 * whole_numbers(shape, 2), **more}


def in_parts(case, **more):
    """dX, the sums, and how many parts there were."""
    batch = batch_of(case, arithmetic="float64", room=ROOM, **more)
    dx, sums = np.full(case["input"].shape, np.nan), {}
    done = list(gradients_into(batch, dx, sums))
    assert done[-1] == batch.total[0]
    return dx, sums, len(done)


@pytest.mark.parametrize("name", CASES)
def test_parts_make_the_gradients_of_the_whole(name):
    case = document(name)
    dx, sums, parts = in_parts(case)
    whole = convgrad.backward(case, arithmetic="float64")
    assert parts > 1
    np.testing.assert_array_equal(dx, whole.dX)
    for key, array in (("w", whole.dW), ("b", whole.db)):
        assert (array is None) == (key not in sums)
        if array is not None:
            np.testing.assert_array_equal(sums[key], array)


@pytest.mark.parametrize("name", CASES)
def test_parts_make_the_output_of_the_whole(name):
    case = document(name)
    del case["delta"]
    batch = batch_of(case, arithmetic="float64", room=ROOM, needs_delta=False)
    y = np.full(batch.whole.output_shape, np.nan)
    assert len(list(output_into(batch, y))) > 1
    np.testing.assert_array_equal(y, convgrad.forward(case, arithmetic="float64").output)


def test_a_delta_of_ones_is_one_in_every_part():
    case = document("conv", delta="ones")
    np.testing.assert_array_equal(in_parts(case)[0], convgrad.backward(case, arithmetic="float64").dX)


def test_what_fits_or_is_no_array_stays_whole():
    case = document("conv")
    assert batch_of(case, arithmetic="float64") is None
    assert batch_of({**case, "input": case["input"].tolist()}, arithmetic="float64", room=ROOM) is None


def test_shapes_are_refused_before_any_number_is_read():
    def cut(array, first, last):
        raise AssertionError("read")

    case = document("conv")
    with pytest.raises(RequestError, match="delta has shape"):
        batch_of({**case, "delta": case["delta"][:-1]}, arithmetic="float64", room=ROOM, cut=cut)


@pytest.mark.parametrize("key", ["input", "delta"])
def test_a_number_that_is_none_is_named_where_it_is_in_the_whole(key):
    case = document("conv")
    case[key][5, 1, 2, 1] = np.nan
    with pytest.raises(RequestError) as caught:
        in_parts(case)
    assert [problem.path for problem in caught.value.problems] == [(key, 5, 1, 2, 1)]
    dx, _, _ = in_parts(case, nonfinite=True)
    np.testing.assert_array_equal(dx, convgrad.backward(case, arithmetic="float64", allow_nonfinite=True).dX)


def test_only_the_part_that_is_asked_for_is_mapped(tmp_path):
    whole = whole_numbers((5, 2, 3))
    np.save(tmp_path / "a.npy", whole)
    mapped = np.asarray(np.load(tmp_path / "a.npy", mmap_mode="r"))
    assert part(mapped, 1, 4).base.shape == (3, 2, 3)
    np.testing.assert_array_equal(part(mapped, 1, 4), whole[1:4])
    assert part(mapped.reshape(-1, 3), 3, 9).base.shape == (6, 3)
    np.testing.assert_array_equal(part(mapped.reshape(-1, 3), 3, 9), whole.reshape(-1, 3)[3:9])
    np.testing.assert_array_equal(part(mapped[:, :, 1], 1, 4), whole[1:4, :, 1])
    np.save(tmp_path / "a.npy", whole[:2])
    with pytest.raises(RequestError, match="shorter"):
        part(mapped, 1, 4)


def test_fortran_order_is_read_in_the_right_order(tmp_path):
    whole = whole_numbers((5, 2, 3))
    np.save(tmp_path / "a.npy", np.asfortranarray(whole))
    np.testing.assert_array_equal(part(np.asarray(np.load(tmp_path / "a.npy", mmap_mode="r")), 1, 4), whole[1:4])


@pytest.mark.parametrize("shape", [(4, 2, 3), (5,), (), (0, 3)])
def test_an_array_file_is_one_that_numpy_reads(tmp_path, shape):
    array = whole_numbers(shape)
    with array_file(str(tmp_path / "a.npy"), shape, array.dtype) as target:
        if shape and shape[0]:
            target[slice(0, 2)], target[slice(2, shape[0])] = array[:2], array[2:]
        else:
            target[slice(None)] = array
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)
    assert os.listdir(tmp_path) == ["a.npy"]


@pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt])
def test_an_array_file_that_is_not_finished_leaves_what_was_there(tmp_path, failure):
    (tmp_path / "a.npy").write_bytes(b"old")

    def begin():
        with array_file(str(tmp_path / "a.npy"), (2,), np.dtype(float)) as target:
            target[slice(0, 1)] = np.ones(1)
            raise failure

    with pytest.raises(failure):
        begin()
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == {"a.npy": b"old"}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A case as .npy files, in a folder of its own, that is computed in parts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("convgrad.passes.batches.batch_of.__kwdefaults__", {**batch_of.__kwdefaults__, "room": ROOM})
    case = document("conv")
    for key in ("input", "kernel", "bias", "delta"):
        np.save(f"{key}.npy", case[key].astype(np.float32))
    arrays = [f"--{key}={key}.npy" for key in ("input", "kernel", "bias", "delta")]
    return case, [*arrays, "--padding=1", "--stride=2,1"]


def test_backward_writes_dX_and_shows_the_rest(files, capsys):
    case, arguments = files
    assert run(["backward", *arguments, "--output", "dX.npy", "--format", "json"]) == 0
    shown, whole = json.loads(capsys.readouterr().out), convgrad.backward(case, arithmetic="float64")
    dx = np.load("dX.npy")
    np.testing.assert_array_equal(dx, whole.dX)
    assert dx.dtype == np.float64
    assert shown["saved"] == {"dX": {"file": "dX.npy", "shape": [SAMPLES, 3, 6, 5], "dtype": "float64"}}
    assert (shown["dW"], shown["db"]) == (whole.dW.tolist(), whole.db.tolist())
    assert jsonschema.Draft202012Validator(convgrad.schema("saved")).is_valid(shown)
    assert not jsonschema.Draft202012Validator(convgrad.schema("backward")).is_valid(shown)
    assert run(["backward", *arguments, "--output", "dX.npy"]) == 0
    table = capsys.readouterr().out
    assert "dX 7x3x6x5 float64 is in dX.npy" in table
    assert "db = [" in table


def test_forward_writes_y(files, capsys):
    case, arguments = files
    assert run(["forward", *arguments, "--output", "y.npy", "--arithmetic", "float32", "--format", "json"]) == 0
    y, whole = np.load("y.npy"), convgrad.forward(case, arithmetic="float32").output
    np.testing.assert_array_equal(y, whole)
    assert y.dtype == np.float32
    assert set(json.loads(capsys.readouterr().out)) == {"schema", "id", "op", "arithmetic", "settings", "saved"}


@pytest.mark.parametrize("name", ["input.npy", "delta.npy", "link.npy"])
def test_what_is_read_is_not_written(files, capsys, name):
    case, arguments = files
    os.symlink("delta.npy", "link.npy")
    assert run(["backward", *arguments, "--output", name]) == 2
    assert f"{name} is read in this run" in capsys.readouterr().err
    np.testing.assert_array_equal(np.load("delta.npy"), case["delta"])


def test_nor_is_a_document_or_a_member_of_an_archive(files, capsys):
    case, _ = files
    np.savez("a.npz", kernel=case["kernel"])
    Path("case.yaml").write_text("{input: [1, 2], kernel: [1], delta: ones}")
    assert run(["backward", "case.yaml", "--output", "case.yaml"]) == 2
    arguments = ["--input=input.npy", "--kernel=a.npz:kernel", "--stride=2,1", "--padding=1", "--format=json"]
    assert run(["forward", *arguments, "--output", "a.npz"]) == 2
    assert capsys.readouterr().err.count("is read in this run") == 2


@pytest.mark.parametrize("output", ["", "."])
def test_an_output_without_a_name_is_refused_before_the_work(files, capsys, output):
    def work(*_, **__):
        raise AssertionError("worked")

    _, arguments = files
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convgrad.cli.subjects.make_case", work)
        assert run(["backward", *arguments, "--output", output]) == 2
    assert "--output: " in capsys.readouterr().err


@pytest.mark.parametrize("count", [1, 3])
def test_so_many_threads_compute_as_are_asked_for(files, capsys, monkeypatch, count):
    monkeypatch.setattr(threads, "UNHELD", 0)
    monkeypatch.setattr(threads, "SHARED", 0)
    begun = []
    monkeypatch.setattr(threads, "_spread", lambda work, items, most: begun.append(most) or list(map(work, items)))
    monkeypatch.setattr(threads, "_asked", None)
    _, arguments = files
    assert run(["backward", *arguments, "--threads", str(count), "--output", "dX.npy"]) == 0
    assert set(begun) == {count}
    capsys.readouterr()


@pytest.mark.parametrize("quiet", [False, True])
def test_how_far_it_is_goes_to_standard_error(files, capsys, monkeypatch, quiet):
    monkeypatch.setattr("convgrad.cli.saving.LASTS", 0)
    monkeypatch.setattr("convgrad.cli.saving.SILENT", 0)
    _, arguments = files
    assert run(["backward", *arguments, "--output", "dX.npy", *(["--quiet"] if quiet else [])]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert bool(lines) != quiet
    for line in lines:
        assert re.fullmatch(r"convgrad: [1-7] of 7 samples, 0 s, about 0 s left", line)


@pytest.mark.parametrize(("lasts", "silent", "lines"), [(1000, 0, 0), (0, 1000, 1)])
def test_how_far_it_is_is_told_seldom(files, capsys, monkeypatch, lasts, silent, lines):
    monkeypatch.setattr("convgrad.cli.saving.LASTS", lasts)
    monkeypatch.setattr("convgrad.cli.saving.SILENT", silent)
    _, arguments = files
    assert run(["backward", *arguments, "--output", "dX.npy"]) == 0
    assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.skipif(os.name != "posix", reason="a terminal as Unix has it")
def test_a_terminal_has_a_bar(files, capsys, monkeypatch):
    monkeypatch.setattr("convgrad.cli.saving.LASTS", 0)
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        _, arguments = files
        assert run(["backward", *arguments, "--output", "dX.npy"]) == 0
    assert b"samples" in os.read(ours, 1 << 16)
    os.close(ours)
    assert "samples" not in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="a system that reserves room on the disk")
def test_a_full_disk_is_told_before_the_work(files, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    _, arguments = files
    before = sorted(os.listdir())
    assert run(["backward", *arguments, "--output", "dX.npy"]) == 2
    assert capsys.readouterr().err == "convgrad: dX.npy: cannot be written: no space left on device\n"
    assert sorted(os.listdir()) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system with named pipes")
def test_a_pipe_takes_no_array(files, capsys):
    os.mkfifo("pipe.npy")
    _, arguments = files
    assert run(["backward", *arguments, "--output", "pipe.npy"]) == 2
    assert "a file of its own" in capsys.readouterr().err


def test_a_bad_number_on_the_way_leaves_no_file(files, capsys):
    case, arguments = files
    case["delta"][-1, 0, 0, 0] = np.inf
    np.save("delta.npy", case["delta"])
    before = sorted(os.listdir())
    assert run(["backward", *arguments, "--output", "dX.npy"]) == 2
    assert sorted(os.listdir()) == before
    heard = capsys.readouterr()
    assert heard.out == ""
    assert "delta.npy[6,0,0,0]: expected a finite number, found inf" in heard.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "dW[0,0]", "samples/ledger.yaml", "--output", "a.npy"], "NumPy's files hold no text"),
        (["backward", "samples/many.jsonl", "--output", "a.npy"], "these are many"),
        (["backward", "samples/ledger.yaml", "--output", "a.npz"], "NumPy's files hold no text"),
        (["check", "samples/ledger.yaml", "--output", "a.npy"], "NumPy's files hold no text"),
        (["network", "samples/network-two-layers.yaml", "--output", "a.NPZ"], "NumPy's files hold no text"),
        (["backward", "samples/ledger.yaml", "--output", "a.npy", "--arithmetic", "exact"], "holds no fractions"),
        (["backward", "samples/ledger.yaml", "--output", "a.npy", "--only", "1"], "--only shows"),
        (["backward", "samples/ledger.yaml", "--output", "a.npy", "--format", "xml"], "unknown format"),
        (["backward", "samples/ledger.yaml", "--output", "nowhere/a.npy"], "there is no folder nowhere"),
    ],
)
def test_what_a_npy_file_cannot_hold_is_refused(arguments, said, monkeypatch, capsys, tmp_path):
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    assert said in capsys.readouterr().err
    assert os.listdir() == ["samples"]


def sparse(path, shape):
    """Zeros that take no room on the disk."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 8 * int(np.prod(shape)))


LARGE = (256, 4, 256, 256)  # 512 MB
ARGUMENTS = ["backward", "--delta=ones", "--output=dX.npy", "--dims=2", "--input=x.npy"]


def in_a_process(folder, *arguments):
    pipe = subprocess.PIPE
    more = {"stdout": pipe, "stderr": pipe, "preexec_fn": hear_signals if os.name == "posix" else None}
    return subprocess.Popen(
        [sys.executable, "-m", "convgrad", *ARGUMENTS, *arguments], cwd=folder, env=surroundings(), text=True, **more
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the peak of a child's memory is only known on Unix")
def test_memory_does_not_grow_with_the_batch(tmp_path):
    sparse(tmp_path / "x.npy", LARGE)
    program = f"{PEAK}\nfrom convgrad.cli import run\nassert run(sys.argv[1:]) == 0\nprint(peak(), file=sys.stderr)"
    command = [sys.executable, "-c", program, *ARGUMENTS, "--op=average-pool", "--window=2", "--stride=1"]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings(), capture_output=True, text=True, check=True)
    used = int(done.stderr.splitlines()[-1])
    assert np.load(tmp_path / "dX.npy", mmap_mode="r").shape == LARGE
    assert used < 400 << 20, f"{used >> 20} MB for 512 MB of input and as much of output"


@pytest.mark.skipif(os.name != "posix", reason="signals as Unix has them")
@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_run_leaves_no_file(tmp_path, ending):
    sparse(tmp_path / "x.npy", LARGE)
    process = in_a_process(tmp_path, "--kernel=" + json.dumps(np.ones((4, 4, 7, 7)).tolist()))
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(getattr(signal, ending))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert os.listdir(tmp_path) == ["x.npy"]
