"""Seeds and settings of the property tests, so that what is drawn can be drawn again, and which tests are fast."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]

pytest.register_assert_rewrite("tests.agreement", "tests.program")  # helpers that say what they compare

# no deadline and no complaint about slow drawing: the machine may be busy, and no test here is about time
SETTINGS = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
if not os.access(ROOT, os.W_OK):  # nowhere to keep what failed, which is else the first that the next run draws
    SETTINGS["database"] = None
settings.register_profile("convgrad", max_examples=100, **SETTINGS)
settings.register_profile("thorough", settings.get_profile("convgrad"), max_examples=2000)
settings.load_profile("convgrad")


@pytest.hookimpl(tryfirst=True)  # before hypothesis reads the option: a seed that it chose itself it would not tell
def pytest_configure(config):
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = os.environ.get("CONVGRAD_DRAWN") or str(random.SystemRandom().randrange(2**32))


def pytest_report_header(config):
    oracle = os.environ.get("CONVGRAD_SEED", "0")
    return f"seeds: --hypothesis-seed={config.getoption('--hypothesis-seed')} CONVGRAD_SEED={oracle}"


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    """Tell the seeds of a run that failed also where it was to be quiet, and so without a header."""
    if exitstatus:
        terminalreporter.write_line(pytest_report_header(config))


@pytest.fixture(scope="session")
def installation():
    """The built-in cases verified with every mistake, which takes some ten seconds, and so once for all tests."""
    from convgrad.checking.installation import verify_installation

    return verify_installation(every=True)


@pytest.hookimpl(tryfirst=True)  # before -m chooses by the markers
def pytest_collection_modifyitems(items):
    for item in items:
        if not {"slow", "oracle"} & {mark.name for mark in item.iter_markers()}:
            item.add_marker("fast")
