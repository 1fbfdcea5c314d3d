"""The network command, and explain and check on networks, as a user's shell sees them."""

from __future__ import annotations

import json
import re

import jsonschema
import numpy as np
import pytest

import convgrad as package
from tests.program import ROOT, SAMPLES, assert_refused, convgrad

NETWORKS = sorted(path.stem.removeprefix("network-") for path in SAMPLES.glob("network-*.yaml"))


def sample(name):
    return f"samples/network-{name}.yaml"


def lines(run):
    assert run.returncode in (0, 1), run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_output_validates_against_the_published_schema(name):
    run = convgrad("network", sample(name), "--format", "json", "--steps", "2")
    assert (run.returncode, run.stderr) == (0, "")
    jsonschema.validate(json.loads(run.stdout), package.schema("network-output"))


@pytest.mark.parametrize("schema", ["network", "network-output", "network-explain", "network-check"])
def test_the_schemas_are_schemas(schema):
    jsonschema.Draft202012Validator.check_schema(json.loads(convgrad("schema", schema).stdout))


def test_the_json_has_what_the_contract_says():
    made = json.loads(convgrad("network", sample("two-layers"), "--format", "json").stdout)
    assert list(made) == ["schema", "id", "arithmetic", "loss", "layers"]
    assert (made["schema"], made["arithmetic"], made["loss"]) == ("convgrad.network/1", "exact", None)
    layer = made["layers"][1]
    keys = ["name", "op", "arithmetic", "output", "delta", "dX", "dW", "db", "updated"]
    assert list(layer) == keys
    assert layer["dX"] == made["layers"][0]["delta"]
    assert layer["dW"] == [[-0.1011, -0.094], [-0.0716, -0.0814]]


def test_steps_stream_one_line_each_and_the_loss_falls():
    found = lines(convgrad("network", sample("classifier"), "--steps", "10", "--format", "jsonl"))
    assert [line["type"] for line in found] == ["step"] * 10 + ["result"]
    losses = [found[-1]["loss"], *(line["loss"] for line in found[:-1])]
    assert losses == sorted(losses, reverse=True)
    assert set(found[0]["parameters"]) == {"edges", "classes"}


def test_the_first_step_is_made_of_the_updated_parameters():
    made = json.loads(convgrad("network", sample("pool-conv"), "--steps", "1", "--format", "json").stdout)
    assert made["steps"][0]["parameters"]["conv"]["kernel"] == made["layers"][1]["updated"]["kernel"]


def test_exact_arithmetic_is_asked_for_by_the_document_or_an_option(tmp_path):
    text = (ROOT / sample("pool-dense")).read_text().replace("0.5, -1", "1/3, -1")
    asked = json.loads(convgrad("network", "-", "--format", "json", stdin=text + "arithmetic: exact\n").stdout)
    option = json.loads(convgrad("network", "-", "--format", "json", "--arithmetic", "exact", stdin=text).stdout)
    assert asked == option
    assert asked["layers"][0]["delta"][0][0] == "2/3"
    assert (
        json.loads(convgrad("network", "-", "--format", "json", stdin=text).stdout)["layers"][0]["delta"][0][0] == 2 / 3
    )


def test_one_layer_opens_as_backward_shows_it():
    opened = convgrad("network", sample("two-layers"), "--layer", "conv2").stdout
    case = "mode: convolution\ninput: [[0.32, 0.27, -0.59], [0.99, -0.52, -0.55], [-0.45, 0.64, 0.13]]\n"
    case += "kernel: [[-0.5, 0.1], [0.3, 0.9]]\ndelta: [[-0.07, 0.15], [-0.09, 0.02]]\n"
    assert opened == convgrad("backward", "-", stdin=case).stdout


def test_one_layer_in_json_has_its_overlays_where_asked():
    made = json.loads(
        convgrad("network", sample("pool-dense"), "--layer", "pool", "--overlays", "all", "--format", "json").stdout
    )
    assert [layer["name"] for layer in made["layers"]] == ["pool"]
    assert [overlay["winner"] for overlay in made["layers"][0]["overlays"]] == [[1, 1], [0, 3], [2, 0], [3, 3]]


def test_a_single_case_is_sent_to_its_own_commands():
    for command in (["network"], ["explain", "conv1.dX[1]"]):
        run = convgrad(*command, "samples/ledger.yaml")
        assert run.returncode == 2
        assert "this is a single case: it has no `layers`" in run.stderr
        assert run.stderr.endswith("use `convgrad backward`; to explain an entry, leave out the layer\n")
        assert run.stderr.count("convgrad: ") == 1


def test_an_unknown_layer_is_refused():
    run = convgrad("network", sample("pool-dense"), "--layer", "pol")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "convgrad: --layer: there is no layer 'pol'\nthere are pool, units\n"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("conv2.dW[9,9]", "conv2.dW has shape (2, 2)\nask for conv2.dW[0,0] to conv2.dW[1,1]"),
        ("conv1.delta[0]", "conv1.delta has shape (3, 3)\nask for conv1.delta[0,0] to conv1.delta[2,2]"),
        ("conv2.y[2,0]", "conv2.y has shape (2, 2)\nask for conv2.y[0,0] to conv2.y[1,1]"),
        ("conv9.dW[0,0]", "there is no layer 'conv9'\nthere are conv1, conv2"),
        ("conv2.delta[0,0]", "conv2.delta is where deltas start\nit was given, or `explain loss` shows how it comes"),
        ("conv2.dQ", "expected an entry such as dW[0,1], dX[1,1], db[0] or y[0,0], found 'dQ'"),
    ],
)
def test_an_entry_that_no_layer_has_is_itself_the_place(entry, said):
    run = convgrad("explain", entry, sample("two-layers"))
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.removeprefix(f"convgrad: {entry}: ").removeprefix("there is no such entry: ") == said + "\n"


@pytest.mark.parametrize("entry", ["conv2.dW[0,1]", "conv1.dX[1,1]", "conv1.y[0,0]", "conv2.db", "conv1.delta[1,1]"])
def test_an_entry_of_a_layer_is_explained(entry):
    run = convgrad("explain", entry, sample("two-layers"), "--format", "json")
    made = json.loads(run.stdout)
    jsonschema.validate(made, package.schema("network-explain"))
    assert made["value"] == pytest.approx(sum(term["value"] for term in made["terms"]), abs=1e-12)
    assert made["value"] == package.explain(yaml_of("two-layers"), entry).to_dict()["value"]


def yaml_of(name):
    import yaml

    return yaml.safe_load((ROOT / sample(name)).read_text())


@pytest.mark.parametrize(
    ("entry", "terms"), [("units.dX[0,1]", 3), ("units.dW[1,2]", 1), ("units.db[0]", 1), ("units.y[2]", 5)]
)
def test_an_entry_of_a_dense_layer_is_explained(entry, terms):
    made = json.loads(convgrad("explain", entry, sample("pool-dense"), "--format", "json").stdout)
    jsonschema.validate(made, package.schema("network-explain"))
    assert len(made["terms"]) == terms
    assert made["value"] == pytest.approx(sum(term["value"] for term in made["terms"]), abs=1e-12)


def test_the_deltas_of_an_entry_are_followed_up_as_sums():
    made = json.loads(convgrad("explain", "pool.dX[2,2]", sample("pool-conv"), "--format", "json").stdout)
    (sender,) = made["deltas"]
    assert (sender["entry"], sender["from"]) == ("pool.delta[1,1]", "conv.dX[1,1]")
    products = [[factor["value"] for factor in term["factors"]] for term in sender["terms"]]
    assert products == [[0.1, 0.75], [-0.2, 0.25], [0.3, -1], [0.4, 0.5]]


def test_the_table_shows_who_sends_how_much_to_whom():
    text = convgrad("network", sample("pool-dense")).stdout
    assert "2×-1 + 3×0.4 + 6×0.6   2.8  x[0,3]" in text
    conv = convgrad("network", sample("pool-conv")).stdout
    assert "0.1×0.75 + -0.2×0.25 + 0.3×-1 + 0.4×0.5  -0.075  x[2,2]" in conv


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 80, 200, None])
def test_no_number_is_cut_at_any_width(width):
    from convgrad.passes.shown import Shown
    from convgrad.views import render

    for name in NETWORKS:
        made = package.network(yaml_of(name))
        shown = (Shown(made, None, 2), package.check(made), package.explain(made, f"{made.layers[0].name}.dX[2,2]"))
        for record in shown:
            text = "".join(render(record, width=width, color="never"))
            assert "…" not in text
            assert width is None or max(map(len, text.splitlines())) <= width


def test_a_terminal_of_few_characters_gets_what_it_can_show():
    for command in (["network", sample("pool-conv")], ["explain", "pool.dX[2,2]", sample("pool-conv")]):
        run = convgrad(*command, "--ascii")
        assert run.stdout.isascii(), run.stdout


def test_quiet_says_the_results_only():
    assert convgrad("explain", "conv2.db", sample("two-layers"), "--quiet").stdout == "conv2.db = 0.01\n"
    assert convgrad("check", sample("two-layers"), "--quiet").stdout == "agrees\n"


PLACED = {
    "a kernel": ("layers:\n  - {op: conv, kernel: [[1, 2], [3, 4]]}\n  - op: dense\n    kernel: [[1, 2]]\n",
                 [":5:13:", "dense2 gets (1, 1) from conv1", "[[1, 2]]"]),
    "a number": ("layers:\n  - {op: conv, kernel: [[1, x], [3, 4]]}\n", [":3:29:", "'x'"]),
    "an unknown key": ("layers:\n  - {op: relu, windw: 2}\n", [":3:16:", "did you mean `window`"]),
    "a window": ("layers:\n  - {op: max-pool, window: 3}\n", [":3:28:", "max-pool1 gets (2, 2) from the input", "= 3"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACED)
def test_what_is_wrong_has_its_place_in_the_file(name):
    text, words = PLACED[name]
    run = convgrad("network", "-", stdin=f"input: [[1, 2], [3, 4]]\n{text}delta: ones\n")
    assert (run.returncode, run.stdout) == (2, "")
    assert "Traceback" not in run.stderr
    for word in words:
        assert word in run.stderr, run.stderr


def test_every_wrong_setting_of_every_layer_is_told_at_once():
    text = """input: [[1, 2], [3, 4]]
layers:
  - {op: conv, kernel: [[1]], stride: 0, padding: some}
  - {op: relu}
  - {op: max-pool, ties: both, windw: 2}
  - {op: average-pool, norm: 3, ceil_mode: 1, window: [2, x]}
  - {op: lp-pool}
delta: ones
"""
    run = convgrad("network", "-", stdin=text)
    assert (run.returncode, run.stdout) == (2, "")
    lines = [line for line in run.stderr.splitlines() if line.startswith("convgrad: ")]
    told = [(":3:39:", "at least 1"), (":3:51:", "'some'"), (":5:32:", "'windw'"), (":5:26:", "'both'")]
    told += [(":6:59:", "'x'"), (":6:44:", "true or false"), (":6:30:", "no norm"), (":7:5:", "needs `window`")]
    assert len(lines) == len(told), run.stderr
    for line, words in zip(lines, told, strict=True):
        assert all(word in line for word in words), line


def test_no_more_than_ten_wrong_settings_are_told():
    layers = "\n".join("  - {op: conv, kernel: [1], stride: 0}" for _ in range(12))
    run = convgrad("network", "-", stdin=f"input: [1, 2]\nlayers:\n{layers}\ndelta: ones\n")
    assert run.stderr.count("must be at least 1, but is 0") == 10


def test_many_networks_keep_their_order_and_a_refused_one_does_not_stop_the_rest():
    one = {"input": [1], "layers": [{"op": "relu"}], "delta": [1]}
    text = "\n".join(map(json.dumps, (one | {"id": 1}, one | {"id": 2, "delta": [1, 2]}, one | {"id": 3})))
    run = convgrad("network", "-", "--format", "jsonl", stdin=text)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["id"] for line in found] == [1, 2, 3]
    assert "error" in found[1]
    assert run.returncode == 2


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_steps_without_a_rate_are_refused_before_anything_is_written(form):
    text = "input: [1, 2]\nlayers: [{op: conv, kernel: [1]}]\ndelta: ones\n"
    run = convgrad("network", "-", "--steps", "2", "--format", form, stdin=text)
    assert (run.returncode, run.stdout) == (2, "")
    assert "learning_rate" in run.stderr


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_steps_that_grow_beyond_float64_are_refused_before_anything_is_written(form):
    text = "{input: [1], layers: [{kernel: [2]}], loss: {op: mse, target: [0]}, learning_rate: 1e200}"
    run = convgrad("network", text, "--steps", "3", "--format", form)
    assert (run.returncode, run.stdout) == (2, "")
    assert "a number of 401 digits is beyond what a 64-bit float can hold" in run.stderr


def test_a_layer_of_one_number_is_explained_and_checked():
    text = "{input: -0.5, dims: 1, layers: [{op: leaky-relu, slope: 0.5}], delta: 3}"
    assert json.loads(convgrad("explain", "leaky-relu1.dX", text, "--format", "json").stdout)["value"] == 1.5
    assert convgrad("check", text).returncode == 0


@pytest.mark.parametrize(("overlays", "count"), [("1", 1), ("all", 4), ("none", None)])
def test_a_layer_has_as_many_overlays_as_are_asked_for(overlays, count):
    run = convgrad("network", sample("two-layers"), "--layer", "conv2", "--overlays", overlays, "--format", "json")
    shown = json.loads(run.stdout)["layers"][0].get("overlays")
    assert (shown and len(shown)) == count


def test_a_network_s_check_takes_a_sample_and_lists_every_wrong_entry_and_counts_no_strength():
    wrong = ["--claim", "{conv2: {dW: [[1, 2], [3, 4]]}}", "--format", "json"]
    made = json.loads(convgrad("check", sample("two-layers"), "--sample", "3", "--seed", "1", "--all", *wrong).stdout)
    assert sum(one["entries"] for one in made["findings"] if one["against"] != "claim") == 3
    assert [len(one["all"]) for one in made["findings"] if one["against"] == "claim"] == [4]
    other = json.loads(convgrad("check", sample("two-layers"), "--sample", "3", "--seed", "2", *wrong).stdout)
    assert other["findings"] != made["findings"]
    run = convgrad("check", sample("two-layers"), "--min-strength", "1")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("convgrad: --min-strength: ")


@pytest.mark.parametrize("leave", [[], ["--allow-nonfinite"]])
def test_a_network_s_claim_that_is_not_finite_is_judged_with_leave_and_without(leave):
    run = convgrad("check", sample("two-layers"), "--claim", "{conv2: {dW: [[.nan, 1], [1, 1]]}}", *leave)
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.endswith("differs\n")


def test_what_a_network_s_check_advises_to_ask_is_answered():
    told = convgrad("check", sample("two-layers"), "--claim", "{conv2: {dW: [[3, -1.5], [0.25, 7]]}}").stdout
    (entry,) = re.findall(r"explain '([^']+)'", told)
    assert convgrad("explain", entry, sample("two-layers")).returncode == 0


def test_a_network_s_check_that_lasts_is_announced_unless_it_is_to_be_quiet(monkeypatch):
    monkeypatch.setattr("convgrad.cli.checks.LASTS", 0)
    told = convgrad("check", sample("two-layers"))
    assert re.fullmatch(r"convgrad: [0-9]+ forward passes, about 0 s\n", told.stderr)
    assert convgrad("check", sample("two-layers"), "--quiet").stderr == ""


def test_steps_must_be_at_least_one():
    run = convgrad("network", sample("classifier"), "--steps", "0")
    assert (run.returncode, run.stdout) == (2, "")


@pytest.mark.parametrize(("name", "code"), [("published-claim", 1), ("classifier", 0), ("pool-dense", 0)])
def test_check_takes_the_same_document(name, code):
    run = convgrad("check", sample(name), "--format", "json")
    assert run.returncode == code
    made = json.loads(run.stdout)
    jsonschema.validate(made, package.schema("network-check"))
    assert made["verdict"] == ("differs" if code else "agrees")


@pytest.mark.parametrize(("arithmetic", "kind"), [("auto", "float64"), ("float32", "float32")])
@pytest.mark.parametrize("name", ["two-layers", "pool-dense"])
def test_a_network_s_result_is_a_claim(name, arithmetic, kind, tmp_path):
    ours = tmp_path / "ours.json"
    convgrad("network", sample(name), "--arithmetic", arithmetic, "--output", str(ours))
    shown = convgrad("check", sample(name), "--claim", str(ours)).stdout
    layers = json.loads(ours.read_text())["layers"]
    names = [
        (array, f"{kind} rounding")
        for layer in layers
        for array in [key for key in ("output", "dW", "db", "dX") if key in layer] + list(layer.get("updated", ()))
    ]
    assert re.findall(r"the claimed (\S+) agrees .* \(to (.*? rounding)(?:; .*)?\)", shown) == names
    shifted = json.loads(ours.read_text())
    shifted["layers"][0]["dX"][0][0] += 0.001
    ours.write_text(json.dumps(shifted))
    assert convgrad("check", sample(name), "--claim", str(ours)).returncode == 1


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("{conv1: {dW: [[1, x], [3, 4]]}}", "--claim:1:19: expected a number, found 'x'"),
        ("{schema: convgrad.network/1, layers: [{name: conv1, dW: [x]}]}", "--claim:1:58: expected a number"),
        ("{schema: convgrad.network/1, layers: [{name: conv3, dW: [1]}]}", "unknown key 'conv3': did you mean `conv"),
        ("{schema: convgrad.network/1, layers: [{dW: [1]}]}", "--claim:1:2: unknown key 'schema'"),
        ("{schema: convgrad.network/1, layers: 3}", "--claim needs a mapping"),
    ],
)
def test_what_is_wrong_with_a_claim_that_is_an_option_is_told_of_the_option(claim, said):
    run = convgrad("check", sample("two-layers"), "--claim", claim)
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--stride", "2"], "--stride: unknown key 'stride'"),
        (["--dW", "[1]"], "--dW: these are claims of a single case"),
        (["--claim", "{dW: [1]}"], "--claim:1:"),
    ],
)
def test_an_option_that_a_network_has_not_is_the_place_of_the_problem(option, said):
    run = convgrad("check", sample("two-layers"), *option)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"convgrad: {said}")


def test_the_check_s_table_names_each_mistake_and_what_it_takes_for_given():
    run = convgrad("check", sample("published-claim"))
    assert "(delta-rotated), given the claimed conv2.dX" in run.stdout
    assert "(term-sign)" in run.stdout
    assert run.stdout.rstrip().endswith("differs")


def test_an_undecided_network_exits_with_3():
    run = convgrad("check", "-", stdin="input: [1, 2]\nlayers: [{op: conv, kernel: [2, -1]}, {op: relu}]\ndelta: [1]\n")
    assert run.returncode == 3
    assert "undecided" in run.stdout


def test_an_unknown_layer_in_a_claim_is_placed():
    text = (ROOT / sample("two-layers")).read_text() + "claim:\n  conv3:\n    dW: [1]\n"
    run = convgrad("check", "-", stdin=text)
    assert run.returncode == 2
    assert "did you mean `conv" in run.stderr
    assert ":26:3:" in run.stderr, run.stderr


@pytest.mark.slow
def test_an_option_wins_over_a_network_s_document_also_where_it_is_read_again(tmp_path):
    layers = [{"op": "average-pool", "window": 100}]
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"input": [[0.5] * 100] * 100, "layers": layers, "delta": [[100]]}))
    claim = ["--claim", json.dumps({"average-pool1": {"dX": [[0.0003] * 100] * 100}})]
    for delta, code in (("[[3]]", 0), ("[[100]]", 1)):
        assert convgrad("check", str(path), "--delta", delta, *claim, "--sample", "1").returncode == code


def test_large_arrays_in_a_network_are_exact_where_asked(tmp_path):
    random = np.random.default_rng(0)
    image = np.round(random.standard_normal((80, 80)), 1).tolist()
    document = {"input": image, "layers": [{"op": "average-pool", "window": 3}], "delta": "ones"}
    path = tmp_path / "large.json"
    path.write_text(json.dumps(document))
    made = json.loads(convgrad("network", str(path), "--arithmetic", "exact", "--format", "json").stdout)
    assert made["arithmetic"] == "exact"
    assert made["layers"][0]["dX"][0][0] == "1/9"
    made = json.loads(convgrad("network", str(path), "--format", "json").stdout)
    assert (made["arithmetic"], made["layers"][0]["dX"][0][0]) == ("exact", 1 / 9)


def test_an_entry_of_a_network_without_its_layer_is_refused_with_how_to_name_it():
    run = convgrad("explain", "dX[1,1]", str(SAMPLES / "network-two-layers.yaml"))
    assert_refused(run, "this is a network", "to explain an entry, name its layer, as in conv1.dX[0,1]")
