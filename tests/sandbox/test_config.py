"""Settings of the sandbox: the shipped file holds every one with its default, and a misspelt one is refused."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import yaml

from billing.sandbox.config import CloneSpentOn, ConfigProblem, KeyScope, LimitChange, Limits, SandboxConfig, read

SHIPPED = Path(__file__).parents[2] / "configs" / "sandbox.yaml"


def shipped():
    return yaml.safe_load(SHIPPED.read_text("utf-8"))


def test_the_shipped_file_is_the_defaults():
    assert read(shipped()) == SandboxConfig() == read({})


def test_the_shipped_file_names_every_setting():
    tree = shipped()

    def named(section, settings):
        assert set(settings) == {each.name for each in fields(section)}
        for each in fields(section):
            if is_dataclass(value := getattr(section, each.name)):
                named(value, settings[each.name])

    named(SandboxConfig(), tree)


def test_texts_are_read_as_the_numbers_and_words_they_stand_for():
    found = read({
        "seed": "7", "key_scope": "platform", "limits": {"platform_rate": "12.5"},
        "limit_changes": [{"after_seconds": "60", "limits": {"endpoint_rate": "0"}}],
        "behaviour": {"payouts": "false", "clone_spent_on": "success"}, "chances": {"kinds": {"slow": "0.5"}},
        "keys": {"lacking": {"rk_test_1": ["charge_read"]}},
    })  # fmt: skip
    assert (found.seed, found.key_scope, found.limits.platform_rate) == (7, KeyScope.PLATFORM, 12.5)
    assert found.limit_changes == (LimitChange(60.0, Limits(endpoint_rate=0.0)),)
    assert (found.behaviour.payouts, found.behaviour.clone_spent_on) == (False, CloneSpentOn.SUCCESS)
    assert found.chances.kinds == {"slow": 0.5}
    assert found.keys.lacking == {"rk_test_1": ("charge_read",)}


@pytest.mark.parametrize(("settings", "named"), [
    ({"sead": 1}, "sead"), ({"limits": {"rate": 1}}, "limits.rate"), ({"seed": "x"}, "seed"), ({"seed": -1}, "seed"),
    ({"limits": 5}, "limits"), ({"limit_changes": {}}, "limit_changes"), ({"key_scope": "moon"}, "key_scope"),
    ({"behaviour": {"payouts": "maybe"}}, "behaviour.payouts"),
    ({"chances": {"kinds": {"slow": "nan"}}}, "chances.kinds.slow"), ({"start": "1" * 12}, "start"),
    ({"latency": {"median_seconds": "1e400"}}, "latency.median_seconds"),
    ({"limit_changes": [{"limits": {}}]}, "limit_changes[0]"), ({"seed": None}, "seed"),
])  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(settings, named):
    with pytest.raises(ConfigProblem) as problem:
        read(settings)
    assert named in str(problem.value)
