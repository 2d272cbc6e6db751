"""Alerts and dashboard: they are well-formed, and use only metrics that the agent exports."""

import json
import re

from chart import CHART, TOP, find

# Labels that Prometheus, the PodMonitor and histograms add.
GIVEN_LABELS = {"node", "namespace", "pod", "job", "le", "container"}
# Metrics of kube-state-metrics, with their labels.
OTHERS_METRICS = {"kube_daemonset_status_number_unavailable": {"namespace", "daemonset"}}
ALERT_VALUES = {"prometheusRule": {"enabled": True}}
# Grafana's variables for durations.
RANGE = re.compile(r"\$__(rate_interval|range|interval)")


def sources(folder="http"):
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((TOP / "agent" / folder).glob("*.cc")))


def agent_metrics(text):
    metrics = set(re.findall(r'"((?:numa_locality|process)_\w+)"', text))
    for histogram in re.findall(r'"(numa_locality_\w+)"[^;]*?MetricType::Histogram', text):
        metrics |= {f"{histogram}_{part}" for part in ("bucket", "sum", "count")}
    return metrics


def front_metrics():
    """Those that numa-locality-front writes into nginx's configuration."""
    return set(re.findall(r"# TYPE (numa_locality_\w+) ", sources("front")))


def expressions(context):
    """(place, PromQL expression) of each alert and panel."""
    for group in find(context.chart.objects(ALERT_VALUES), "PrometheusRule")["spec"]["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", RANGE.sub("5m", target["expr"])


def dashboard():
    return json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))


def promql(context):
    where, texts = zip(*expressions(context))
    done = context.tools.node("promql.js", text=json.dumps(texts))
    if done.returncode != 0:
        yield "PromQL", done.stderr
        return
    code = sources()
    metrics = agent_metrics(code) | front_metrics()
    for place, parsed in zip(where, json.loads(done.stdout)):
        problems = [f"not PromQL {error}" for error in parsed["errors"]]
        known_labels = GIVEN_LABELS | set(re.findall(r'(?:\{|Label\()"(\w+)", ', code))
        for metric in parsed["metrics"]:
            known_labels |= OTHERS_METRICS.get(metric, set())
            if metric not in metrics | OTHERS_METRICS.keys():
                problems.append(f"the agent has no metric {metric}")
        if not parsed["metrics"]:
            problems.append("no metric")
        problems += [f"no label {label}" for label in parsed["labels"] if label not in known_labels]
        for matcher in parsed["matchers"]:
            problems += wrong_matches(matcher, known_labels)
        yield f"{place}: {' '.join(parsed['expression'].split())}", "; ".join(problems)


def wrong_matches(matcher, known_labels):
    label, _, value = re.match(r'(\w+)\s*(=~|!=|!~|=)\s*"(.*)"$', matcher).groups()
    if label not in known_labels:
        yield f"no label {label}"
    if label in {"reason", "kind", "state", "origin", "outcome"}:
        for word in value.split("|"):
            if f'"{word}"' not in sources("model"):
                yield f"the agent has no {label} {word}"


def alerts(context):
    for group in find(context.chart.objects(ALERT_VALUES), "PrometheusRule")["spec"]["groups"]:
        for rule in group["rules"]:
            notes = rule["annotations"]
            problems = [f"no {key}" for key in ("summary", "description", "runbook") if not notes.get(key)]
            if "numa-locality" not in notes.get("runbook", ""):
                problems.append("the runbook line names no namespace")
            if notes.get("summary", "").count("{{") != notes.get("summary", "").count("}}"):
                problems.append("braces that do not match")
            yield f"alert {rule['alert']} says what to do", "; ".join(problems)


def panels(context):
    text = dashboard()
    problems = []
    ids = [panel["id"] for panel in text["panels"]]
    if len(set(ids)) != len(ids):
        problems.append("two panels have the same id")
    taken = set()
    for panel in text["panels"]:
        place = panel["gridPos"]
        if panel["type"] != "row" and not (panel.get("description") and panel.get("targets")):
            problems.append(f"{panel['title']}: without description or query")
        if place["x"] + place["w"] > 24:
            problems.append(f"{panel['title']}: beyond the right edge")
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        if cells & taken:
            problems.append(f"{panel['title']}: overlaps another panel")
        taken |= cells
    variables = {variable["name"] for variable in text["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(text["panels"])))
    if used - variables:
        problems.append(f"no variable {used - variables}")
    for variable in text["templating"]["list"]:
        for metric in re.findall(r"label_values\((\w+)", str(variable.get("query", ""))):
            if metric not in agent_metrics(sources()):
                problems.append(f"variable {variable['name']}: the agent has no metric {metric}")
    yield f"dashboard of {len(text['panels'])} panels", "; ".join(problems)
    rendered = find(context.chart.objects({"dashboard": {"enabled": True}}), "ConfigMap", "-dashboard")
    same = json.loads(rendered["data"]["numa-locality.json"]) == text
    yield "the ConfigMap contains the whole dashboard", "" if same else "it differs"


CHECKS = [promql, alerts, panels]
