#!/usr/bin/python3
"""deploy/kubectl-numa with the real kubectl, against a stand-in for the API server (cluster.py).

  tests/kubectl/kubectl_numa_test.py [--build build/release/npm]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/helm"))
from tools import Tools  # noqa: E402

from cluster import Cluster, pod  # noqa: E402

AGENT = {"app.kubernetes.io/name": "numa-locality-agent", "app.kubernetes.io/component": "agent"}
PLUGIN = TOP / "deploy/kubectl-numa"
UID = "780cb1d6-acde-4bd9-8773-c3bad38635c7"
tools = Tools(TOP / "build/release/npm")


class KubectlNumaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.TemporaryDirectory()
        cls.kubectl = pathlib.Path(cls.home.name) / "bin/kubectl"
        cls.kubectl.parent.mkdir()
        cls.kubectl.symlink_to(tools.kubectl())
        (cls.kubectl.parent / "kubectl-numa").symlink_to(PLUGIN)
        cls.cluster = Cluster()  # one for all cases: kubectl remembers what an API server has
        cls.config = pathlib.Path(cls.home.name) / "config"
        cls.config.write_text(json.dumps({
            "kind": "Config", "apiVersion": "v1", "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": cls.cluster.url}},
                         {"name": "dead", "cluster": {"server": "http://127.0.0.1:1"}}], "users": [],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "", "namespace": "shop"}},
                         {"name": "empty", "context": {"cluster": "c", "user": "", "namespace": "empty"}},
                         {"name": "dead", "context": {"cluster": "dead", "user": ""}}]}), encoding="utf-8")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        cls.home.cleanup()

    def setUp(self):
        self.cluster.reset()
        self.cluster.pods = [pod("numa-locality", f"agent-{i}", f"node-{i}", labels=AGENT) for i in range(3)]
        self.cluster.pods.append(pod("shop", "db-0", "node-1"))

    def run_plugin(self, *arguments, command=(sys.executable, PLUGIN), **environment):
        """Runs 'kubectl numa ...' as kubectl does. Returns (exit code, output, errors)."""
        environment = {"HOME": self.home.name, "KUBECONFIG": str(self.config), "GOMAXPROCS": "1", "GOGC": "off",
                       "PATH": f"{self.kubectl.parent}:{os.environ['PATH']}", **environment}
        done = subprocess.run([*command, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def executed(self):
        """The commands that ran in pods, as (pod, arguments of localityctl)."""
        for _, container, command in self.cluster.executed:
            self.assertEqual((container, command[0]), ("agent", "localityctl"))
        return sorted((name, " ".join(command[1:])) for name, _, command in self.cluster.executed)

    def test_the_agents_of_all_nodes_are_asked(self):
        self.cluster.answers = {f"agent-{i}": (f"table {i}\n", "", 0) for i in range(3)}
        code, output, errors = self.run_plugin("top", "--sandboxes", "--parallel", "2")
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(output, "== node-0 ==\ntable 0\n\n== node-1 ==\ntable 1\n\n== node-2 ==\ntable 2\n")
        self.assertEqual(self.executed(), [(f"agent-{i}", "top --sandboxes") for i in range(3)])

    def test_kubectl_finds_the_plugin(self):
        self.cluster.answers = {"agent-0": ("", "ERROR: denied\n", 2)}
        self.assertEqual(self.run_plugin("doctor", "--node", "node-0", command=[self.kubectl, "numa"]),
                         (2, "", "ERROR: denied\n"))

    def test_a_node_is_named_and_the_exit_code_is_that_of_localityctl(self):
        self.cluster.answers = {"agent-2": ("findings\n", "note\n", 3)}
        self.assertEqual(self.run_plugin("--node", "node-2", "doctor", "--timeout=5s"), (3, "findings\n", "note\n"))
        self.assertEqual(self.executed(), [("agent-2", "doctor --timeout=5s")])

    def test_some_nodes_are_named(self):
        self.assertEqual(self.run_plugin("doctor", "--node=node-2", "--node", "node-0")[0], 0)
        self.assertEqual(self.executed(), [("agent-0", "doctor"), ("agent-2", "doctor")])

    def test_a_pod_is_explained_and_migrated_on_its_node(self):
        self.cluster.answers = {"agent-1": ("m-1\n", "", 0)}
        for arguments in [("--pod", "db-0"), ("--pod=db-0", "-n", "shop"), ("--pod", "shop/db-0")]:
            self.cluster.executed.clear()
            self.assertEqual(self.run_plugin("migrate", *arguments, "--to-node", "1"), (0, "m-1\n", "Node node-1:\n"))
            ((name, command),) = self.executed()
            self.assertEqual(name, "agent-1")
            self.assertEqual(command.replace("=", " "), "migrate --pod shop/db-0 --to-node 1")

    def test_with_a_node_the_pod_need_not_be_known(self):
        self.assertEqual(self.run_plugin("explain", "--pod", "shop/static-0", "--node", "node-0")[0], 0)
        self.assertEqual(self.run_plugin("explain", "--pod", UID, "--node", "node-0")[0], 0)
        self.assertEqual(self.executed(), [("agent-0", f"explain --pod {UID}"), ("agent-0", "explain --pod shop/static-0")])

    def test_top_of_a_namespace(self):
        self.assertEqual(self.run_plugin("top", "-n", "shop")[0], 0)
        self.assertEqual(self.executed()[0], ("agent-0", "top --namespace=shop"))

    def test_programs_read_one_list(self):
        self.cluster.answers = {"agent-0": ('{"a": {"b": "ü"}}\n', "", 0), "agent-1": ("", "ERROR: no report yet\n", 1)}
        self.cluster.pods[2]["status"]["phase"] = "Pending"
        code, output, errors = self.run_plugin("top", "--output", "json")
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(output), {"agents": [
            {"node": "node-0", "endpoint": "numa-locality/agent-0", "response": {"a": {"b": "ü"}}},
            {"node": "node-1", "endpoint": "numa-locality/agent-1", "error": "no report yet"},
            {"node": "node-2", "endpoint": "numa-locality/agent-2", "error": "the agent's pod agent-2 is Pending"}]})
        self.assertEqual(errors, "ERROR: node-1: no report yet\nERROR: node-2: the agent's pod agent-2 is Pending\n")
        self.cluster.answers["agent-0"] = ('a:\n  b: "c"\n', "", 0)
        _, output, _ = self.run_plugin("top", "--output=yaml", "--node", "node-0", "--node", "node-1")
        self.assertEqual(output, 'agents:\n  - node: "node-0"\n    endpoint: "numa-locality/agent-0"\n    response:\n'
                                 '      a:\n        b: "c"\n  - node: "node-1"\n    endpoint: "numa-locality/agent-1"\n'
                                 '    error: "no report yet"\n')

    def test_one_agent_that_fails_does_not_hide_the_others(self):
        self.cluster.answers = {"agent-0": ("0\n", "", 0), "agent-1": ("", "ERROR: cannot reach the agent\n", 1),
                                "agent-2": ("2\n", "", 3)}
        self.assertEqual(self.run_plugin("doctor"), (1, "== node-0 ==\n0\n\n== node-2 ==\n2\n",
                                                     "ERROR: node-1: cannot reach the agent\n"))
        self.cluster.answers["agent-1"] = ("1\n", "", 0)
        self.assertEqual(self.run_plugin("doctor")[0], 3, "doctor has found an error on one node")

    def test_a_pod_that_is_being_replaced_is_not_asked(self):
        self.cluster.pods = [pod("numa-locality", "new", "node-0", labels=AGENT),
                             pod("numa-locality", "old", "node-0", labels=AGENT, deleting=True)]
        self.assertEqual(self.run_plugin("top", "--node", "node-0")[0], 0)
        self.assertEqual(self.executed(), [("new", "top")])

    def test_agents_elsewhere(self):
        self.cluster.pods = [pod("numa", "a", "n", labels={"app": "x"})]
        self.assertEqual(self.run_plugin("top", "--agent-namespace", "numa", "--agent-selector", "app=x",
                                         "--agent-container", "front")[0], 0)
        self.assertEqual(self.cluster.executed, [("a", "front", ["localityctl", "top"])])
        self.assertEqual(self.run_plugin("top", "--agent-selector", "app=x", KUBECTL_NUMA_AGENT_NAMESPACE="numa")[0], 0)

    def test_viewers_use_the_viewer_socket(self):
        endpoint = "--endpoint=unix:/run/numa-locality-agent/viewer.sock"
        for arguments, environment in [(["--viewer", "doctor"], {}), (["doctor"], {"KUBECTL_NUMA_VIEWER": "1"})]:
            self.cluster.executed.clear()
            self.assertEqual(self.run_plugin(*arguments, "--node", "node-0", **environment)[0], 0)
            self.assertEqual(self.executed(), [("agent-0", f"doctor {endpoint}")])
        self.cluster.executed.clear()
        self.assertEqual(self.run_plugin("top", "-n", "shop", "--viewer")[0], 0)
        self.assertEqual(self.executed()[0], ("agent-0", f"top {endpoint} --namespace=shop"))

    def test_the_viewer_socket_is_switched_on(self):
        missing = ("", "ERROR: cannot reach the agent at unix:/run/numa-locality-agent/viewer.sock: No such file or directory\n", 1)
        self.cluster.answers = {f"agent-{i}": missing for i in range(3)}
        self.assert_fails(["top", "--viewer"], "the agents need the chart value viewerSocket: true")
        self.assert_fails(["doctor", "--viewer", "--node", "node-0"], "the agents need the chart value viewerSocket: true")
        self.assert_fails(["top", "--viewer", "--endpoint", "unix:/x"], "omit one, or unset KUBECTL_NUMA_VIEWER")
        self.assert_fails(["--viewer"], "name a subcommand")

    def assert_fails(self, arguments, *words, code=1):
        exit_code, output, errors = self.run_plugin(*arguments)
        self.assertEqual((exit_code, output), (code, ""), errors)
        self.assertIn("ERROR: ", errors)
        for word in words:
            self.assertIn(word, errors)
        return errors

    def test_without_kubectl(self):
        code, _, errors = self.run_plugin("top", PATH="/nonexistent")
        self.assertEqual((code, errors), (1, "ERROR: cannot run kubectl: there is none in PATH; install it, or add its directory "
                                             "to PATH\n"))

    def test_without_agents(self):
        self.assert_fails(["top", "--agent-namespace", "x"], "no agent's pod is in the namespace x", "install the agent")
        self.assert_fails(["top", "--node", "node-9"], "no agent's pod runs on the node node-9", "kubectl get nodes")
        self.cluster.pods[0]["status"]["phase"] = "Pending"
        self.assert_fails(["top", "--node", "node-0"], "the agent's pod agent-0 is Pending")

    def test_without_the_pod(self):
        self.assert_fails(["explain", "--pod", "db-9"], "cannot find the pod db-9", '"db-9" not found', "check the name")
        self.assert_fails(["explain", "--pod", "db-0", "--context", "empty"], "cannot find the pod db-0")
        self.cluster.pods.append(pod("shop", "db-1"))
        self.assert_fails(["migrate", "--pod", "db-1"], "the pod shop/db-1 has no node yet")
        self.assertEqual(self.executed(), [])

    def test_without_permission(self):
        self.cluster.forbidden = {"list"}
        self.assert_fails(["top"], "cannot list the agents' pods in the namespace numa-locality", 'User "jane" cannot list',
                          "create pods/exec")
        self.cluster.forbidden = {"exec"}
        for arguments in [["doctor", "--node", "node-0"], ["top"]]:
            self.assert_fails(arguments, "node-0", 'User "jane" cannot create resource "pods/exec"', "ask your administrator")

    def test_without_a_cluster(self):
        self.assert_fails(["top", "--context", "dead"], "cannot list the agents' pods", "kubectl config current-context")

    def test_what_is_for_one_agent_names_it(self):
        for arguments in [["watch", "m-1"], ["cancel", "m-1"], ["evacuate", "0"], ["top", "--watch"], ["migrate", "--pid", "1"],
                          ["explain", "--pod", UID], ["top", "--container", "0123456789ab"]]:
            self.assert_fails(arguments, "is for one agent: name its node with --node")
        self.assert_fails(["cancel", "m-1", "--node", "node-0", "--node", "node-1"], "give --node once")
        self.assert_fails(["migrations", "-n", "shop"], "-n is for --pod NAME and for top")
        self.assert_fails(["explain", "--pod", "shop/db-0", "-n", "x"], "different namespaces")
        self.assertEqual(self.executed(), [])

    def test_wrong_arguments(self):
        self.assert_fails(["top", "--node"], "--node needs a value")
        self.assert_fails(["top", "--parallel", "0"], "whole number above 0")
        self.assert_fails(["--output", "json", "top"], "'--output' stands before the subcommand")
        self.assert_fails(["--node", "node-0"], "name a subcommand")

    def test_help(self):
        code, output, _ = self.run_plugin("--help")
        self.assertEqual(code, 0)
        self.assertIn("is admin of the agents", output)
        self.cluster.answers = {"agent-0": ("Options of migrate\n", "", 0)}
        self.assertEqual(self.run_plugin("migrate", "--help")[:2], (0, "Options of migrate\n"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=tools.build)
    arguments, rest = parser.parse_known_args()
    tools = Tools(arguments.build)
    tools.fetch()
    unittest.main(argv=[sys.argv[0], *rest])
