"""A file is written whole or not at all."""

import os
import subprocess
import sys

import pytest

from convgrad.documents import write_atomically
from convgrad.errors import RequestError


def refused(path):
    with pytest.raises(RequestError) as caught:
        write_atomically(str(path), ["new"])
    return str(caught.value)


def broken():
    yield "half"
    raise ZeroDivisionError


def test_a_file_has_what_was_written(tmp_path):
    write_atomically(str(tmp_path / "x"), ["é\n", "b"])
    assert (tmp_path / "x").read_bytes() == "é\nb".encode()
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("before", [None, "old"])
def test_what_breaks_on_the_way_changes_nothing(tmp_path, before):
    if before:
        (tmp_path / "x").write_text(before)
    with pytest.raises(ZeroDivisionError):
        write_atomically(str(tmp_path / "x"), broken())
    assert {name: (tmp_path / name).read_text() for name in os.listdir(tmp_path)} == ({"x": "old"} if before else {})


def test_a_new_file_has_the_permissions_of_the_mask_and_an_old_one_keeps_its_own(tmp_path):
    mask = os.umask(0o027)
    try:
        write_atomically(str(tmp_path / "new"), ["a"])
        (tmp_path / "old").write_text("b")
        (tmp_path / "old").chmod(0o606)
        write_atomically(str(tmp_path / "old"), ["a"])
    finally:
        os.umask(mask)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o606


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(str(tmp_path / "link"), ["new"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_what_cannot_be_written_says_why(tmp_path):
    assert refused(tmp_path) == f"{tmp_path}: this is a folder: the output needs a file name"
    missing = tmp_path / "none" / "x"
    assert refused(missing) == f"{missing}: there is no folder {tmp_path / 'none'}; create it first"
    (tmp_path / "loop").symlink_to("loop")
    assert "cannot be written" in refused(tmp_path / "loop")
    assert "cannot be written" in refused(tmp_path / ("x" * 300))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_device_is_an_error():
    assert refused("/dev/full") == "/dev/full: cannot be written: no space left on device"


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev/stdout")
def test_standard_output_by_name_keeps_what_was_written_before(tmp_path):
    program = "from convgrad.documents import write_atomically as w; w('/dev/stdout', ['b']); w('/dev/stdout', ['c'])"
    with open(tmp_path / "out", "wb") as file:
        file.write(b"a")
        file.flush()
        subprocess.run([sys.executable, "-c", program], stdout=file, check=True)
    assert (tmp_path / "out").read_text() == "abc"


def test_a_pipe_is_written_directly(tmp_path):
    reading, writing = os.pipe()
    write_atomically(f"/dev/fd/{writing}", ["a", "b"])
    os.close(writing)
    assert os.read(reading, 9) == b"ab"
    os.close(reading)
