#!/usr/bin/python3
"""The systemd unit: systemd accepts it, and it grants the privileges that the agent needs, and no more.

  tests/systemd/service_test.py [--build build/release]

systemd need not run. Tests that need its tools, or root, are skipped without them.
"""

import argparse
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
UNIT = TOP / "deploy/numa-locality-agent.service"
FRONT = TOP / "deploy/numa-locality-front.service"
EXAMPLE = TOP / "deploy/config-example.yaml"
CHART = TOP / "helm/numa-locality-agent"
MOST_EXPOSURE = 25  # of 'systemd-analyze security', at most 100; a unit without any restriction has 96
MOST_EXPOSURE_OF_FRONT = 20
LONGEST_START = 30  # seconds
# Calls that a container runtime makes under the chart's profile, and systemd before it installs its filter.
OF_RUNTIMES = {"capset", "seccomp", "setgid", "setgroups", "setresgid", "setresuid", "setuid"}
# Options that prevent the agent from working. With CPUQuota it would delay the processes whose memory it reads.
HARMFUL = {"CPUQuota", "CPUAffinity", "AllowedMemoryNodes", "NUMAPolicy", "PrivateNetwork", "PrivatePIDs", "PrivateUsers",
           "ProcSubset", "ProtectProc", "User", "DynamicUser", "TemporaryFileSystem"}
build = TOP / "build/release"


def options(unit=UNIT):
    """{option: its values in order} of the section [Service]."""
    found = {}
    for line in unit.read_text(encoding="utf-8").split("[Service]")[1].split("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


@functools.lru_cache
def calls_of(name):
    """The system calls of a group, or the single call itself."""
    if not name.startswith("@"):
        return frozenset([name])
    done = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True)
    members = [line.strip() for line in done.stdout.splitlines()[1:] if not line.strip().startswith("#")]
    return frozenset().union(*(calls_of(member) for member in members if member))


def allowed_calls():
    allowed = set()
    for value in options()["SystemCallFilter"]:
        calls = set().union(*(calls_of(name) for name in value.removeprefix("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


class ServiceTest(unittest.TestCase):
    def test_nothing_that_keeps_the_agent_from_its_work(self):
        self.assertEqual(HARMFUL & options().keys(), set())
        self.assertEqual(options()["ProtectSystem"], ["strict"])
        self.assertEqual(options()["NoNewPrivileges"], ["yes"])
        self.assertEqual(options()["RuntimeDirectoryPreserve"], ["yes"], "records outlive a restart")

    def test_as_much_as_the_chart_grants(self):
        chart = (CHART / "values.yaml").read_text(encoding="utf-8")
        memory = re.search(r"^resources:\n(?:  .*\n)*?  limits:\n(?:\s*##.*\n)*\s*memory: (\d+)Mi", chart, re.MULTILINE)[1]
        self.assertEqual(options()["MemoryMax"], [f"{memory}M"])
        granted = re.search(r"add: (\[.*\])", (TOP / "deploy/numa-locality-agent.yaml").read_text(encoding="utf-8"))
        capabilities = {f"CAP_{name}" for name in json.loads(granted[1])}
        self.assertEqual([set(value.split()) for value in options()["CapabilityBoundingSet"]], [capabilities])

    def test_the_front_has_no_privileges(self):
        front = options(FRONT)
        self.assertEqual((front["DynamicUser"], front["CapabilityBoundingSet"], front["NoNewPrivileges"]), (["yes"], [""], ["yes"]))
        self.assertNotIn("AmbientCapabilities", front)

    def test_the_example_configuration_is_right(self):
        done = subprocess.run([build / "bin/numa-locality-agent", "--check-config", "--config", EXAMPLE],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout, "ok\n", done.stderr)
        self.assertIn("cgroupPaths", EXAMPLE.read_text(encoding="utf-8"))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_systemd_takes_them(self):
        for unit, most_exposure in ((UNIT, MOST_EXPOSURE), (FRONT, MOST_EXPOSURE_OF_FRONT)):
            with self.subTest(unit.name):
                self.check_unit(unit, most_exposure)

    def check_unit(self, original, most_exposure):
        with tempfile.TemporaryDirectory() as directory:
            unit = pathlib.Path(directory) / original.name
            text = original.read_text(encoding="utf-8")
            unit.write_text(text.replace("/usr/bin/", f"{build}/bin/"), encoding="utf-8")
            verify = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
                                    capture_output=True, text=True, check=False)
            complaints = [line for line in verify.stderr.splitlines() if original.name in line]
            self.assertEqual((verify.returncode, complaints), (0, []))
            security = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={most_exposure}",
                                       unit], capture_output=True, text=True, check=False)
            self.assertEqual(security.returncode, 0, security.stdout + security.stderr)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_its_filter_lets_through_what_the_charts_profile_does(self):
        profile = json.loads((CHART / "files/seccomp.json").read_text(encoding="utf-8"))
        needed = {name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
        self.assertEqual(needed - OF_RUNTIMES - allowed_calls(), set())
        self.assertEqual({"mount", "bpf", "setuid", "chown", "kexec_load"} & allowed_calls(), set())

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
    def test_the_agent_works_with_these_capabilities(self):
        """With the unit's bounding set and no_new_privs, the agent serves and can move pages."""
        (capabilities,) = options()["CapabilityBoundingSet"]
        kept = ",".join("+" + name.removeprefix("CAP_").lower() for name in capabilities.split())
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "run"
            path.mkdir(mode=int(options()["RuntimeDirectoryMode"][0], 8))
            config = pathlib.Path(directory) / "config.yaml"
            config.write_text(EXAMPLE.read_text(encoding="utf-8").replace(":9464", ":0"), encoding="utf-8")
            command = ["setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set=-all,{kept}",
                       build / "bin/numa-locality-agent", "--socket", path / "agent.sock", "--config", config]
            with open(pathlib.Path(directory) / "log", "w+", encoding="utf-8") as log:
                agent = subprocess.Popen(command, stdout=log, stderr=log)
                try:
                    self.assertTrue(self.serves(agent, path / "agent.sock"), log.name)
                    doctor = subprocess.run([build / "bin/localityctl", "--endpoint", f"unix:{path}/agent.sock", "doctor"],
                                            capture_output=True, text=True, check=False)
                finally:
                    agent.terminate()
                    ended = agent.wait(timeout=15)
                log.seek(0)
                self.assertEqual(ended, 0, log.read())
        self.assertIn("CAP_DAC_READ_SEARCH", doctor.stdout, doctor.stderr)
        self.assertIn("CAP_SYS_PTRACE", doctor.stdout)
        self.assertNotIn("CAP_SYS_ADMIN", doctor.stdout)

    @staticmethod
    def serves(agent, socket):
        end = time.monotonic() + LONGEST_START
        while time.monotonic() < end and agent.poll() is None:
            if socket.exists():
                return True
            time.sleep(0.1)
        return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=build, type=pathlib.Path)
    arguments, rest = parser.parse_known_args()
    build = arguments.build.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
