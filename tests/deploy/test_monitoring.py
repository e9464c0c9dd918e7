"""The dashboard and the rules name only metrics that the bot has, and are well formed."""

from __future__ import annotations

import json
import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.host.metrics import Metrics
from tests.deploy.documents import DEPLOY, documents

# What the language of Prometheus has of words; everything else is a metric or a label.
WORDS = {
    "and", "by", "histogram_quantile", "increase", "max", "or", "rate", "sum", "time",
}  # fmt: skip
LABELS = {"job", "le", "method", "state", "status"}
_STRINGS = re.compile(r'"[^"]*"')
_DURATION = re.compile(r"\d+(ms|[smhdwy])")


def panels():
    text = (DEPLOY / "grafana/dashboards/imagine-bot.json").read_text("utf-8")
    return json.loads(text)["panels"]


def rules():
    [found] = documents(DEPLOY / "prometheus/rules.yml")
    return [rule for group in found["groups"] for rule in group["rules"]]


def expressions():
    return [rule["expr"] for rule in rules()] + [
        target["expr"] for panel in panels() for target in panel["targets"]
    ]


def names_of(expression):
    """The names in an expression, without strings, numbers and durations."""
    return set(re.findall(r"(?<![\w.])[a-z_]\w*", _STRINGS.sub("", expression)))


@pytest.fixture(scope="module")
def metrics():
    made = Metrics()
    made.rest.labels("GET").inc()
    made.rest_errors.labels("GET", "429").inc()
    families = text_string_to_metric_families(generate_latest(made.registry).decode())
    return {sample.name for family in families for sample in family.samples}


def test_every_metric_that_is_named_exists(metrics):
    assert "imagine_job_wait_seconds_bucket" in metrics
    known = metrics | WORDS | LABELS | {"up"}
    assert {each: names_of(each) - known for each in expressions() if names_of(each) - known} == {}


def test_every_metric_is_shown_or_watched(metrics):
    text = " ".join(expressions())
    ends = ("_created", "_bucket", "_sum", "_count")
    left = {
        name for name in metrics if not name.endswith(ends) and not re.search(rf"\b{name}\b", text)
    }
    assert left == {"imagine_info"}


@pytest.mark.parametrize("expression", expressions())
def test_brackets_and_ranges_are_well_formed(expression):
    plain, open_ = _STRINGS.sub("", expression), []
    for sign in plain:
        if sign in "([{":
            open_.append({"(": ")", "[": "]", "{": "}"}[sign])
        elif sign in ")]}":
            assert open_
            assert open_.pop() == sign
    assert open_ == []
    assert all(_DURATION.fullmatch(each) for each in re.findall(r"\[(.*?)\]", plain))
    # A rate needs a range, and a histogram's quantile its buckets.
    for call in re.finditer(r"\b(rate|increase)\(([^()]*)\)", plain):
        assert call[2].endswith("]")
    assert ("histogram_quantile" in plain) == ("_bucket" in plain)


def test_alerts_have_a_name_a_duration_and_a_sentence():
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "annotations", "labels"}
        assert _DURATION.fullmatch(rule.get("for", "1m"))
        assert rule["annotations"]["summary"].endswith(".")


def test_panels_do_not_overlap_and_use_the_source_that_is_set_up():
    [sources] = documents(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")
    uids = {each["uid"] for each in sources["datasources"]}
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["datasource"]["uid"] in uids
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_prometheus_asks_the_bot_for_its_metrics():
    [found] = documents(DEPLOY / "prometheus/prometheus.yml")
    [compose] = documents(DEPLOY / "compose.yaml")
    [job] = found["scrape_configs"]
    assert f'job="{job["job_name"]}"' in rules()[0]["expr"]
    [[target]] = [each["targets"] for each in job["static_configs"]]
    bot = compose["services"]["bot"]["environment"]
    assert target == f"bot:{bot['IMAGINE_METRICS_PORT']}"
    assert [*found["rule_files"]] == ["rules.yml"]
