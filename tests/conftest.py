"""Seeds and settings of the property tests: what is drawn can be drawn again."""

import os
import random

import pytest
from hypothesis import HealthCheck, settings

# no deadline and no complaint about slow drawing: the machine may be busy, and no test here is about time
settings.register_profile(
    "convgrad", deadline=None, print_blob=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("convgrad"), max_examples=2000)
settings.load_profile("convgrad")


@pytest.hookimpl(tryfirst=True)  # before hypothesis reads the option: a seed that it chose itself it would not tell
def pytest_configure(config):
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))


def pytest_report_header(config):
    oracle = os.environ.get("CONVGRAD_SEED", "0")
    return f"seeds: --hypothesis-seed={config.getoption('--hypothesis-seed')} CONVGRAD_SEED={oracle}"
