"""Writes the agent's configuration for a case; reads its metrics and decisions."""

import pathlib
import re
import shutil
import urllib.request

from guest.agent import SOCKET, Agent
from guest.wait import wait_until

CONFIG = pathlib.Path("/tmp/numa-locality-agent.yaml")
CRI_SOCKET = "/run/containerd/containerd.sock"
RECORDS = pathlib.Path(SOCKET).parent / "records"
RESERVATIONS = RECORDS.with_name("reservations.pb")
ADDRESS = "127.0.0.1:9464"

# A container maps less than minRemoteBytes on any node while it starts: runc alone has 9 MiB.
DEFAULTS = {"action": "repair", "minLocalFraction": 0.95, "minRemoteBytes": "12Mi", "settle": "0s", "cooldown": "2s"}


def write_config(*policies, period="1h", more=""):
    """Writes the file; each policy is a dict of differences from DEFAULTS. With a period of an hour only events make the loop act."""
    lines = [f"period: {period}", f'http: {{address: "{ADDRESS}"}}', more, "policies:"]
    for number, policy in enumerate(policies or [{}]):
        values = {"name": f"policy{number}", **DEFAULTS, **policy}
        lines.append("- {" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}")
    text = "\n".join(lines) + "\n"
    draft = CONFIG.with_suffix(".new")
    draft.write_text(text)
    draft.rename(CONFIG)
    return text


def start_agent(machine, *policies, cri=True, forget=True, **options):
    """Starts an agent with these policies; without `forget` it keeps the records and reservations of earlier agents."""
    if forget:
        shutil.rmtree(RECORDS, ignore_errors=True)
        RESERVATIONS.unlink(missing_ok=True)
    text = write_config(*policies, **options)
    machine.log(text)
    return Agent(machine, "--config", CONFIG, *(["--cri-socket", CRI_SOCKET] if cri else []))


def metrics():
    """{name with labels: value} of the agent's metrics."""
    with urllib.request.urlopen(f"http://{ADDRESS}/metrics", timeout=30) as page:
        text = page.read().decode()
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([^#]\S*(?:\{.*\})?) (\S+)", line)
        if match:
            found[match.group(1)] = float(match.group(2))
    return found


def decision(agent, container):
    """(verdict, reason, message) of the repair loop for a container, such as ("LEAVE", "LOCAL", "…"), or None."""
    said = agent.placement("--container", container.id).get("decision")
    if said is None:
        return None
    return (said["verdict"].removeprefix("REPAIR_VERDICT_"), said["reason"].removeprefix("REPAIR_REASON_"),
            said.get("message", ""))


def wait_decision(agent, container, reason, seconds=60):
    """Waits until the repair loop gives this reason for a container; returns (verdict, reason, message)."""
    def decided():
        found = decision(agent, container)
        return found if found and found[1] == reason else None
    try:
        return wait_until(f"the loop says {reason}", decided, seconds)
    except TimeoutError as error:
        raise TimeoutError(f"{error}; it says {decision(agent, container)}") from error


def repairs(agent):
    """The records of the loop's own migrations, newest first."""
    return [record for record in agent.json("migrations")["migrations"] if record["origin"] == "MIGRATION_ORIGIN_POLICY"]


__all__ = ["ADDRESS", "CONFIG", "CRI_SOCKET", "SOCKET", "decision", "metrics", "repairs", "start_agent", "wait_decision",
           "write_config"]
