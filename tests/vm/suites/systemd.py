"""With systemd as PID 1 and the systemd cgroup driver, pods are slices and containers are scopes."""

import json
import pathlib
import shutil

from guest import cgroups, oracles
from guest.agent import Agent, Client, state
from guest.case import case
from guest.machine import BIN
from guest.wait import wait_until
from suites.cgroup_v1 import check_repair
from suites.doctor import doctor, findings
from suites.migrate import MIB, ends, start_workload
from suites.repair import cpus_of


@case(seconds=60, long=["6.1", "6.12"])
def doctor_reports_the_driver(machine):
    """`localityctl doctor` reports the cgroup driver."""
    near, _ = ends()
    agent = Agent(machine)
    container = start_workload(machine, "named", near, "--bytes", 8 * MIB, "--idle")
    assert cgroups.has_systemd() and container.cgroup_path.endswith(".scope") and container.cgroup.is_dir()
    assert doctor(agent)[1]["cgroup_driver"] == "systemd"


@case(seconds=300)
def memory_follows(machine):
    """By policy, after a re-pin by the runtime, which makes systemd set the scope's CPUs."""
    check_repair(machine)


@case(seconds=300)
def a_service_is_repaired(machine):
    """Without Kubernetes: the unit of deploy/, installed as its head says, moves a service's memory to its CPUs."""
    near, far = ends()
    for program in ("numa-locality-agent", "localityctl"):
        shutil.copy(BIN / program, "/usr/bin")
    config = pathlib.Path("/etc/numa-locality-agent/config.yaml")
    config.parent.mkdir(exist_ok=True)
    example = pathlib.Path("/job/config-example.yaml").read_text()
    config.write_text(example.replace("postgresql.service", "database.service").replace("settle: 10s", "settle: 0s"))
    shutil.copy("/job/numa-locality-agent.service", "/etc/systemd/system")
    machine.run("systemctl", "daemon-reload")
    machine.cleanup.callback(lambda: machine.run("systemctl", "stop", "numa-locality-agent", "database", check=False))

    output = pathlib.Path("/tmp/database.jsonl")
    machine.run("systemd-run", "--unit=database", f"--property=AllowedCPUs={cpus_of(near)}",
                f"--property=StandardOutput=file:{output}", BIN / "integrity-workload", "--bytes", 96 * MIB,
                "--thp", "never", "--idle")
    wait_until("the service is ready", lambda: output.exists() and '"ready"' in output.read_text(), 60)
    machine.run("systemctl", "start", "numa-locality-agent")
    agent = Client(machine)
    wait_until("the agent serves", lambda: agent.ctl("doctor", check=False, log_output=False).returncode in (0, 3), 60)
    code, status = doctor(agent)
    assert code == 0 and not findings(status, "ERROR"), status["findings"]
    assert sorted(status["capabilities"]) == ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"]

    machine.run("systemctl", "set-property", "--runtime", "database.service", f"AllowedCPUs={cpus_of(far)}")
    pids = oracles.cgroup_pids(cgroups.directory("/system.slice/database.service"))
    wait_until("its memory is home", lambda: oracles.share(oracles.anonymous_bytes(pids), far) >= 0.9, 120)
    wait_until("the repair has ended", lambda: [record for record in agent.json("migrations")["migrations"]
                                                if state(record) == "SUCCEEDED"], 60)
    machine.run("systemctl", "stop", "database")
    result = [event for event in map(json.loads, output.read_text().splitlines()) if event["event"] == "result"][-1]
    assert result["mismatches"] == 0, result
    machine.run("systemctl", "stop", "numa-locality-agent")
    shown = machine.run("systemctl", "show", "--property=Result,ExecMainStatus", "numa-locality-agent").stdout.split()
    assert sorted(shown) == ["ExecMainStatus=0", "Result=success"], shown
