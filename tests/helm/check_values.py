"""Values that must render, values that must be refused, and that the agent accepts the rendered configuration."""

import json
import subprocess
import tempfile

import yaml

from chart import CHART, KUBERNETES, SIDECAR, RenderError, agent_config
from edge_values import BAD_VALUES, EDGES, WRONG_COMBINATIONS
from tools import LAYERS


def lint(context):
    for helm in LAYERS:
        for values in context.chart.values_files():
            done = context.chart.run("lint", "--strict", CHART, "--values", values, helm=helm)
            yield (f"{helm} lint --strict, {values.name}",
                   "" if done.returncode == 0 else done.stdout + done.stderr)


def template(context):
    """Each values file renders for each Kubernetes version, the same with both versions of helm."""
    for values in context.chart.values_files():
        for kubernetes in KUBERNETES:
            try:
                new, old = (context.chart.text(values, kubernetes, helm) for helm in LAYERS)
                problem = "" if new == old else f"{' and '.join(LAYERS)} render differently"
            except RenderError as error:
                problem = str(error)
            yield f"template {values.name}, Kubernetes {kubernetes}", problem


def refusal(context, values, expected):
    try:
        context.chart.text(values)
    except RenderError as error:
        return "" if expected in str(error) else f"the error does not say \"{expected}\": {error}"
    return "renders"


def bad_values(context):
    for values, key in BAD_VALUES:
        yield f"schema refuses {values}", refusal(context, values, key)


def wrong_combinations(context):
    for values, sentence in WRONG_COMBINATIONS:
        yield f"refused with what to do: {values}".replace("\n", ", "), refusal(context, values, sentence)


def check_config(agent, text):
    """The agent's errors about a configuration file; empty if it accepts the file."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([agent, "--check-config", "--config", file.name], text=True, capture_output=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr or "it fails"


def agent_takes_config(context):
    if not context.agent:
        return
    rendered = {values.name: context.chart.objects(values) for values in context.chart.values_files()}
    for name, objects in {**rendered, SIDECAR.name: list(yaml.safe_load_all(SIDECAR.read_text(encoding="utf-8")))}.items():
        yield f"the agent accepts the configuration of {name}", check_config(context.agent, agent_config(objects))


def policies_are_whole(context):
    """The agent's file contains the policies of the values unchanged, and the values files together use every key of policies."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    unsaid = set(schema["definitions"]["policy"]["properties"])
    for values in context.chart.values_files():
        said = (yaml.safe_load(values.read_text(encoding="utf-8")) or {}).get("policies", [])
        rendered = yaml.safe_load(agent_config(context.chart.objects(values)))["policies"]
        yield f"policies of {values.name} are rendered whole", "" if said == rendered else f"{said}, rendered {rendered}"
        unsaid -= {key for policy in said for key in policy}
    yield "values files use every key of policies", f"not {unsaid}" if unsaid else ""


def agent_takes_edges(context):
    """The agent accepts values at the edges of what the schema allows."""
    for values in EDGES if context.agent else []:
        try:
            problem = check_config(context.agent, agent_config(context.chart.objects(values)))
        except RenderError as error:
            problem = str(error)
        yield f"the agent accepts {values}".replace("\n", ", "), problem


CHECKS = [lint, template, policies_are_whole, bad_values, wrong_combinations, agent_takes_config, agent_takes_edges]
