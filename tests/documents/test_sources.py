"""What an argument names: a file, a member, standard input, or the document itself."""

import contextlib
import io
import os
import pickle
import threading
import zipfile

import numpy as np
import pytest

from convgrad.documents import read, source
from convgrad.errors import RequestError


def refused(argument):
    """What a person is told about an argument."""
    with pytest.raises(RequestError) as caught:
        list(read(source(str(argument))))
    (problem,) = caught.value.problems
    return str(problem)


def value(argument, **how):
    (document,) = read(source(str(argument), **how))
    assert document.error is None
    return document.value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1,2,3]", ["1", "2", "3"]), ("0.5", "0.5"), ("-.5e-3", "-.5e-3"), ("1/3", "1/3"),
        ("input: 1", {"input": "1"}),
        ('{"input": [1]}', {"input": ["1"]}), ("- 1\n- 2", ["1", "2"]), ("ones", "ones"), (" [1]", ["1"]), ("7", "7"),
        ("'7'", "7"), (".nan", ".nan"), ("-Infinity", "-Infinity"), ("a: b\nc: 1", {"a": "b", "c": "1"}),
    ],
)  # fmt: skip
def test_a_document_may_be_the_argument_itself(text, found):
    assert value(text) == found


def test_an_inline_document_bears_the_name_of_its_option():
    (document,) = read(source("[1, 2", option="--input"))
    assert str(document.error.problems[0].place) == "--input:1:1"


@pytest.mark.parametrize("name", ["case.yaml", "sub/case", "case", "case 1.json", "a-b", "input:", "1.yaml", "12x"])
def test_what_looks_like_a_file_name_is_one(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == "input:":
        assert value(name) == {"input": None}
        return
    assert "no such file" in refused(name)


def test_a_name_that_is_nearly_a_file_s_gets_a_suggestion(tmp_path):
    (tmp_path / "kernel.yaml").write_text("[1]")
    assert refused(tmp_path / "kernal.yaml").endswith(f"no such file; did you mean {tmp_path / 'kernel.yaml'}?")
    assert refused(tmp_path / "nowhere" / "x.yaml").endswith(f"there is no folder {tmp_path / 'nowhere'}")
    assert refused(tmp_path / "kernal.npz:w") == f"{tmp_path / 'kernal.npz'}: no such file"


@pytest.mark.parametrize("text", ["1,2,3", "1, -2", "-.5,1e-3", "1/3,2"])
def test_numbers_without_brackets_are_told_of_them(text):
    assert refused(text) == f"{text}: no such file; numbers go in brackets: [{text}]"


def test_a_delta_that_is_nearly_ones_gets_the_suggestion():
    with pytest.raises(RequestError, match=r"did you mean ones\?"):
        source("one", option="--delta")
    with pytest.raises(RequestError, match=r"no such file$"):
        source("one", option="--input")


def test_a_very_long_argument_is_no_file_and_no_crash():
    assert refused("x" * 100_000).endswith("…: no such file")


def test_a_folder_is_no_document(tmp_path):
    (tmp_path / "a.json").write_text("1")
    (tmp_path / "b.txt").write_text("1")
    assert refused(tmp_path) == f"{tmp_path}: this is a folder, not a document; name a file in it: a.json"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_file_that_may_not_be_read_is_no_crash(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("1")
    file.chmod(0)
    assert refused(file) == f"{file}: cannot be read: permission denied"


def test_a_file_that_goes_away_is_no_crash(tmp_path):
    for name in ("x.yaml", "x.jsonl", "x.npy", "x.npz"):
        (tmp_path / name).write_bytes(b"[1]")
        found = source(str(tmp_path / name))
        (tmp_path / name).unlink()
        with pytest.raises(RequestError, match="cannot be read: no such file"):
            list(read(found))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 1\nb: \xff\n", ":2: byte 0xff is not UTF-8 text; it must be UTF-8 throughout"),
        (b"a: 1\nb: \0\n", ":2: this is not text: it holds zero bytes; a document is YAML or JSON text"),
        (b"\x93NUMPY", ":1: this is not text; this is a NumPy array: give the file a name that ends in .npy"),
        (b"PK\x03\x04", ":1: this is not text; this is a ZIP archive: NumPy's have a name that ends in .npz"),
        (b"\x1f\x8b", ":1: this is not text; this is compressed: unpack it with gunzip first"),
        (b"\xff\xfea", ":1: byte 0x61 is not UTF-16 text; it must be UTF-8 throughout"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, data, message):
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    assert refused(file) == f"{file}{message}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("suffix", ["yaml", "json", "txt", ""])
def test_marks_of_encodings_and_unknown_suffixes_are_no_obstacle(tmp_path, encoding, suffix):
    file = tmp_path / f"x.{suffix}"
    file.write_bytes('{"name": "é"}'.encode(encoding))
    assert value(file) == {"name": "é"}


def test_json_lines_are_known_by_their_look_where_the_name_is_silent(tmp_path):
    file = tmp_path / "x.txt"
    file.write_text('\n{"a": 1}\n\n{"a": 2}\n')
    found = source(str(file))
    assert [(each.line, each.value) for each in read(found)] == [(2, {"a": "1"}), (4, {"a": "2"})]
    assert found.format.name == "jsonl"


def test_suffixes_may_be_capital(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(2))
    (tmp_path / "x.npy").rename(tmp_path / "X.NPY")
    assert value(tmp_path / "X.NPY").tolist() == [1, 1]


def test_a_pipe_is_read_like_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a: 1\n",))
    writer.start()
    assert value(pipe) == {"a": "1"}
    writer.join()


def test_standard_input_is_called_so():
    (document,) = read(source("-", stdin=io.BytesIO(b"[1")))
    assert str(document.error.problems[0].place) == "<stdin>:1:1"


def test_a_npy_file_is_mapped_and_not_copied(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    array = value(tmp_path / "x.npy")
    assert type(array) is np.ndarray
    assert isinstance(array.base, np.memmap)
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    (document,) = read(source(str(tmp_path / "x.npy")))
    assert str(document.locate((0, 1))) == f"{tmp_path}/x.npy[0,1]"
    assert document.exact().tolist() == array.tolist()


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.float64(3), np.arange(3, dtype=">i2"), np.ones(2, np.float16)])
def test_any_real_numbers_will_do(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    found = value(tmp_path / "x.npy")
    assert (found.shape, found.dtype, found.tolist()) == (array.shape, array.dtype, array.tolist())


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.array([True]), "booleans"), (np.array([1j]), "complex numbers"), (np.array(["a"]), "text"),
        (np.array([(1, 2)], "i4,i4"), "records"), (np.array(["2020"], "M8[s]"), "datetime64[s]"),
    ],
)  # fmt: skip
def test_what_is_no_real_number_is_refused(tmp_path, array, what):
    np.save(tmp_path / "x.npy", array)
    assert refused(tmp_path / "x.npy").endswith(f"expected an array of real numbers, found {what}; save it as float64")


def test_pickles_are_refused_in_any_file(tmp_path):
    np.save(tmp_path / "x.npy", np.array([object()]), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([object()]))
    assert "pickled Python objects" in refused(tmp_path / "x.npy")
    assert "pickled Python objects" in refused(tmp_path / "x.npz")
    (tmp_path / "y.npy").write_bytes(pickle.dumps([1]))
    assert "not a NumPy .npy file" in refused(tmp_path / "y.npy")
    (tmp_path / "y.yaml").write_bytes(pickle.dumps([1]))
    assert "this looks like a pickle" in refused(tmp_path / "y.yaml")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_damaged_file_is_an_error_wherever_it_is_cut_or_changed(tmp_path, name):
    whole = tmp_path / name
    (np.save if name == "x.npy" else np.savez)(whole, np.arange(4.0))
    data = whole.read_bytes()
    for cut in range(0, len(data) - 1, 7):
        whole.write_bytes(data[:cut])
        assert refused(whole).startswith(f"{whole}: ")
    for at in range(0, len(data), 5):
        whole.write_bytes(data[:at] + b"\xff(" + data[at + 2 :])
        try:
            list(read(source(str(whole))))
        except RequestError as error:
            assert error.problems[0].place.name == str(whole)  # noqa: PT017


def test_an_array_that_claims_to_be_huge_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(4.0).reshape(2, 2))
    data = (tmp_path / "x.npy").read_bytes().replace(b"(2, 2), }           ", b"(2, 200000000000), }")
    (tmp_path / "x.npy").write_bytes(data)
    assert refused(tmp_path / "x.npy").endswith("the file is damaged or cut short; save the array again")


def test_members_of_an_archive_are_arrays_and_settings(tmp_path):
    np.savez(tmp_path / "one.npz", x=np.ones(2))
    np.savez_compressed(tmp_path / "many.npz", op="conv", stride=2, input=np.ones(3), ceil_mode=True)
    assert value(tmp_path / "one.npz").tolist() == [1, 1]
    assert value(f"{tmp_path}/one.npz:x").tolist() == [1, 1]
    assert value(f"{tmp_path}/many.npz:input").tolist() == [1, 1, 1]
    found = value(tmp_path / "many.npz")
    assert found.pop("input").tolist() == [1, 1, 1]
    assert found == {"op": "conv", "stride": 2, "ceil_mode": True}


def test_a_member_that_is_not_there_is_an_error_that_names_those_that_are(tmp_path):
    np.savez(tmp_path / "x.npz", input=np.ones(2), kernel=np.ones(1))
    name = f"{tmp_path}/x.npz:kernal"
    assert refused(name) == f"{name}: the archive has no array 'kernal'; it has input, kernel"
    np.savez(tmp_path / "x.npz")
    assert refused(tmp_path / "x.npz").endswith("the archive is empty")


def test_bytes_that_are_no_text_are_refused_inline_as_in_a_file():
    assert refused("{input: [1]} \udce9") == "<argument>:1: byte 0xe9 is not UTF-8 text; it must be UTF-8 throughout"
    assert "is not UTF-8 text" in refused("{input: [1]} \ud800")


def test_an_inline_document_may_begin_with_a_byte_order_mark():
    assert value("\ufeffa: 1") == value("\ufeff{a: 1}") == {"a": "1"}


def test_a_small_archive_that_would_fill_the_memory_is_refused_by_the_sizes_that_it_tells(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (40 << 20,)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(40):
            file.write(bytes(8 << 20))
    packed = (tmp_path / "x.npz").stat().st_size
    said = f"{packed:,} bytes would unpack to {(320 << 20) + 128:,}, more than 100 times as many; save each array"
    assert said in refused(tmp_path / "x.npz")
    assert said in refused(f"{tmp_path}/x.npz:x")


@pytest.mark.parametrize("shape", ["(2, -2)", "(9, 9)", "(99999999999999, 9)", "(2, 9e9)"])
def test_a_header_that_tells_more_than_is_there_is_refused_before_memory_is_asked_for(tmp_path, shape):
    np.save(tmp_path / "x.npy", np.arange(4.0).reshape(2, 2))
    old = (tmp_path / "x.npy").read_bytes()
    data = old.replace(b"(2, 2), }" + b" " * (len(shape) - 6), f"{shape}, }}".encode())
    assert len(data) == len(old) != data.count(b"(2, 2)")
    (tmp_path / "x.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", data)
    for name in ("x.npy", "x.npz"):
        assert refused(tmp_path / name).endswith("the file is damaged or cut short; save the array again")


def test_a_damaged_header_is_no_warning(tmp_path, recwarn):
    np.save(tmp_path / "x.npy", np.arange(4.0))
    data = (tmp_path / "x.npy").read_bytes()
    for old, new in ((b"(4,), }", b"(4L,), }"), (b"'<f8'", b"'\\d8'"), (b"(4,), }", b"(4if 1,), }")):
        changed = data.replace(old + b" " * (len(new) - len(old)), new)
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("x.npy", changed)
        (tmp_path / "x.npy").write_bytes(changed)
        for name in ("x.npy", "x.npz"):
            with contextlib.suppress(RequestError):
                list(read(source(str(tmp_path / name))))
    assert not recwarn.list


def test_members_that_are_no_arrays_or_twice_there_are_refused_by_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("notes.txt", "none")
    assert "'notes.txt' in the archive is not a NumPy array" in refused(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", x=np.ones(2))
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as archive:
        archive.writestr("x", "none")
    assert "the archive has two arrays 'x'" in refused(tmp_path / "x.npz")


def test_arrays_in_any_order_of_axes_and_bytes_are_read(tmp_path):
    whole = np.arange(6.0).reshape(2, 3)
    arrays = [np.asfortranarray(whole), whole.astype(">f8"), whole.astype(">i2"), whole.astype("f2"), whole[:, ::2]]
    for array in arrays:
        np.save(tmp_path / "x.npy", array)
        np.savez_compressed(tmp_path / "x.npz", array)
        assert value(tmp_path / "x.npy").tolist() == value(tmp_path / "x.npz").tolist() == array.tolist()


def test_a_problem_with_a_member_names_the_member_and_the_entry(tmp_path):
    np.savez(tmp_path / "x.npz", input=np.ones((2, 2)), stride=2)
    (document,) = read(source(str(tmp_path / "x.npz")))
    assert str(document.locate(("input", 0, 1))) == f"{tmp_path}/x.npz:input[0,1]"
    assert str(document.locate(("stride",))) == f"{tmp_path}/x.npz:stride"
    assert str(document.locate(())) == f"{tmp_path}/x.npz"


def test_a_long_argument_that_names_no_file_is_repeated_by_its_beginning():
    assert len(refused("1, " + "9" * 2000)) < 500
