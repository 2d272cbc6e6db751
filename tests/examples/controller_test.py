#!/usr/bin/python3
"""deploy/examples/controller: its logic with a fake stub, and the program with agents. And the client in proto/README.md.

  tests/examples/controller_test.py [--build build/release]
"""

import argparse
import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc
import yaml

import stubs

PROGRAM = stubs.TOP / "deploy/examples/controller/controller.py"
modules = tempfile.TemporaryDirectory()
stubs.make(modules.name)
sys.path[:0] = [modules.name, str(PROGRAM.parent)]
controller = importlib.import_module("controller")
from numalocality.errors.v1 import error_details_pb2  # noqa: E402
from numalocality.v1 import migration_pb2, migration_pb2_grpc, placement_pb2  # noqa: E402

RULE = controller.Rule(frozenset(["shop"]), remote=0.5, min_bytes=1000, periods=2, cooldown=100)
build = stubs.TOP / "build/release"


class Refusal(grpc.RpcError):
    """An error as a stub raises it."""

    def __init__(self, code, *details):
        super().__init__()
        status = error_details_pb2.ErrorStatus(code=1)
        for kind, detail in details:
            status.details.add(type_url=f"type.googleapis.com/google.rpc.{kind}", value=detail.SerializeToString())
        self._code, self._trailer = code, [("grpc-status-details-bin", status.SerializeToString())] if details else None

    def code(self):
        return self._code

    def details(self):
        return "no"

    def trailing_metadata(self):
        return self._trailer


def running(**metadata):
    info = error_details_pb2.ErrorInfo(reason="MIGRATION_RUNNING", metadata=metadata)
    return Refusal(grpc.StatusCode.ABORTED, ("ErrorInfo", info))


def reserved(seconds):
    info = error_details_pb2.ErrorInfo(reason="RESERVED", metadata={"owner": "other", "expire_time": "2026-01-01T00:00:00Z"})
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromSeconds(seconds)
    return Refusal(grpc.StatusCode.ABORTED, ("ErrorInfo", info), ("RetryInfo", retry))


class FakeStub:
    """Answers each method with the next of its answers, then with the last one again; raises those that are errors."""

    def __init__(self):
        self.calls = []  # (method, request)
        self.answers = {"ReserveWorkload": [migration_pb2.ReserveWorkloadResponse(token="t-1")],
                        "CreateMigration": [migration_pb2.CreateMigrationResponse()],
                        "GetMigration": [self.state("RUNNING"), self.state("SUCCEEDED")],
                        "ReleaseWorkload": [migration_pb2.ReleaseWorkloadResponse()]}
        self.answers["CreateMigration"][0].migration.id = "m-1"

    @staticmethod
    def state(name):
        response = migration_pb2.GetMigrationResponse()
        response.migration.state = migration_pb2.MigrationState.Value(f"MIGRATION_STATE_{name}")
        return response

    def __getattr__(self, method):
        def call(request, timeout):
            self.assert_timeout(timeout)
            self.calls.append((method, request))
            answers = self.answers[method]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer
        return call

    @staticmethod
    def assert_timeout(timeout):
        assert timeout > 0, "each call has a deadline"

    def requests(self, method):
        return [request for name, request in self.calls if name == method]


def placement(local=0.25, anon=8000, namespace="shop", container="c-1", **more):
    made = placement_pb2.WorkloadPlacement(local_fraction=local, **more)
    made.workload.pod_namespace, made.workload.pod_uid, made.workload.container_id = namespace, "uid-1", container
    made.node_usages.add(node_id=0, anon_bytes=anon)
    return made


def change(**kind):
    return placement_pb2.WatchPlacementsResponse(**kind)


class RuleTest(unittest.TestCase):
    def test_what_matches(self):
        self.assertTrue(RULE.matches(placement()))
        self.assertTrue(RULE.matches(placement(local=0.5)))
        self.assertFalse(RULE.matches(placement(local=0.51)))
        self.assertFalse(RULE.matches(placement(anon=1000)), "750 bytes are remote")
        self.assertFalse(RULE.matches(placement(namespace="kube-system")))
        self.assertFalse(RULE.matches(placement(is_sandbox=True)))
        self.assertFalse(RULE.matches(placement(decision={"verdict": "REPAIR_VERDICT_REPAIR"})))
        nothing = placement()
        nothing.ClearField("local_fraction")
        self.assertFalse(RULE.matches(nothing))


class ControllerTest(unittest.TestCase):
    def setUp(self):
        self.stub = FakeStub()
        self.controller = controller.Controller(RULE)
        self.now = 1000.0
        self.see(change(resync=True), change(placement=placement()), change(synced=True))

    def see(self, *changes):
        for one in changes:
            self.controller.board.apply(one)

    def tick(self, count=1, seconds=10):
        for _ in range(count):
            self.controller.tick(self.stub, self.now)
            self.now += seconds

    def methods(self):
        return [method for method, _ in self.stub.calls]

    def test_reserves_migrates_and_releases(self):
        self.tick()
        self.assertEqual(self.methods(), [], "one period is not enough")
        self.tick(3)
        self.assertEqual(self.methods(), ["ReserveWorkload", "CreateMigration", "GetMigration", "GetMigration", "ReleaseWorkload"])
        (request,) = self.stub.requests("CreateMigration")
        self.assertEqual(request.workloads[0].pod.container_id, "c-1")
        self.assertEqual(list(request.reservation_tokens), ["t-1"])
        self.assertNotEqual(request.request_id, "")
        self.assertNotEqual(request.request_id, self.stub.requests("ReserveWorkload")[0].request_id)
        self.assertEqual(self.stub.requests("ReleaseWorkload")[0].token, "t-1")

    def test_leaves_it_alone_for_a_while_afterwards(self):
        self.tick(4)
        self.tick(9)
        self.assertEqual(len(self.stub.requests("CreateMigration")), 1)
        self.tick(2)
        self.assertEqual(len(self.stub.requests("CreateMigration")), 2)
        first, second = (request.request_id for request in self.stub.requests("CreateMigration"))
        self.assertNotEqual(first, second, "another request")

    def test_counts_periods_in_a_row(self):
        self.tick()
        self.see(change(placement=placement(local=1.0)))
        self.tick()
        self.see(change(placement=placement()))
        self.tick()
        self.assertEqual(self.methods(), [])

    def test_waits_for_a_complete_list(self):
        self.see(change(resync=True), change(placement=placement()))
        self.tick(5)
        self.assertEqual(self.methods(), [])
        self.see(change(synced=True), change(gone=placement().workload), placement_pb2.WatchPlacementsResponse())
        self.tick(5)
        self.assertEqual(self.methods(), [], "it is gone")

    def test_repeats_a_lost_call_with_the_same_request(self):
        for method in ("ReserveWorkload", "CreateMigration"):
            self.stub.answers[method][:0] = [Refusal(grpc.StatusCode.UNAVAILABLE), Refusal(grpc.StatusCode.DEADLINE_EXCEEDED)]
        self.stub.answers["GetMigration"].insert(0, Refusal(grpc.StatusCode.UNAVAILABLE))
        self.tick(9)
        self.assertIn("ReleaseWorkload", self.methods())
        for method in ("ReserveWorkload", "CreateMigration"):
            requests = self.stub.requests(method)
            self.assertEqual(len(requests), 3)
            self.assertEqual(len({request.SerializeToString(deterministic=True) for request in requests}), 1)

    def test_slows_down_while_an_agent_is_lost(self):
        self.stub.answers["ReserveWorkload"] = [Refusal(grpc.StatusCode.UNAVAILABLE)]
        self.tick(200, seconds=1)
        self.assertLess(len(self.methods()), 10)

    def test_waits_until_a_reservation_ends(self):
        self.stub.answers["ReserveWorkload"].insert(0, reserved(seconds=45))
        self.tick(6)
        self.assertEqual(self.methods(), ["ReserveWorkload"])
        self.tick()
        self.assertEqual(self.methods(), ["ReserveWorkload", "ReserveWorkload", "CreateMigration"])

    def test_does_not_ask_again_for_what_has_come_home_meanwhile(self):
        for method, refusal in (("ReserveWorkload", reserved(seconds=45)), ("ReserveWorkload", running(migration_id="m-0"))):
            with self.subTest(refusal.trailing_metadata()):
                self.setUp()
                self.stub.answers[method].insert(0, refusal)
                self.tick(2)
                self.see(change(placement=placement(local=1.0)))
                self.tick(9)
                self.assertEqual(self.methods(), ["ReserveWorkload"])

    def test_waits_for_a_migration_of_somebody_else_and_does_not_answer_it(self):
        for method in ("ReserveWorkload", "CreateMigration"):
            with self.subTest(method):
                self.setUp()
                self.stub.answers[method].insert(0, running(migration_id="m-0"))
                self.tick(6)
                self.assertEqual([request.id for request in self.stub.requests("GetMigration")], ["m-0", "m-0"])
                self.assertEqual(len(self.stub.requests("CreateMigration")), method == "CreateMigration")
                self.assertEqual(len(self.stub.requests("ReleaseWorkload")), method == "CreateMigration")

    def test_tries_again_after_a_migration_that_it_may_not_see(self):
        self.stub.answers["ReserveWorkload"].insert(0, running())
        self.tick(3)
        self.assertEqual(self.methods(), ["ReserveWorkload", "ReserveWorkload", "CreateMigration"])

    def test_gives_up_what_is_refused(self):
        for code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION):
            with self.subTest(code):
                self.setUp()
                self.stub.answers["CreateMigration"] = [Refusal(code)]
                self.tick(9)
                self.assertEqual(self.methods(), ["ReserveWorkload", "CreateMigration", "ReleaseWorkload"])


class AgentsTest(unittest.TestCase):
    def test_an_address_that_leaves_and_returns_is_followed_once(self):
        running_now, lock, most = [], threading.Lock(), []
        go_on = threading.Semaphore(0)  # of a thread that may look at its stop
        started, ended = threading.Semaphore(0), threading.Semaphore(0)

        def follow(address, stop):
            with lock:
                running_now.append(address)
                most.append(len(running_now))
            started.release()
            while True:
                go_on.acquire()
                if stop.is_set():
                    break
            with lock:
                running_now.remove(address)
            ended.release()

        agents = controller.Agents(follow)
        agents.update({"a"})
        started.acquire()
        agents.update(set())
        agents.update({"a"})
        go_on.release()
        self.assertEqual(most, [1], "the thread has not ended: it goes on")
        agents.update(set())
        go_on.release()
        ended.acquire()
        while len(most) < 2:  # the thread itself ends soon
            agents.update({"a"})
        started.acquire()
        self.assertEqual(most, [1, 1])
        agents.update(set())
        go_on.release()


class ManifestTest(unittest.TestCase):
    def test_the_arguments_fit_the_rest(self):
        certificate, deployment = yaml.safe_load_all((PROGRAM.parent / "controller.yaml").read_text(encoding="utf-8"))
        pod = deployment["spec"]["template"]["spec"]
        (container,), (volume,) = pod["containers"], pod["volumes"]
        options = controller.parse(container["args"])
        self.assertEqual(controller.Rule.remote, options.remote)
        self.assertEqual(str(options.certificates), container["volumeMounts"][0]["mountPath"])
        self.assertEqual(container["volumeMounts"][0]["name"], volume["name"])
        self.assertEqual(volume["secret"]["secretName"], certificate["spec"]["secretName"])
        self.assertEqual(deployment["spec"]["selector"]["matchLabels"], deployment["spec"]["template"]["metadata"]["labels"])


class DockerfileTest(unittest.TestCase):
    """What the image needs, without building it: that takes Docker and Debian's archive."""

    def setUp(self):
        text = (PROGRAM.parent / "Dockerfile").read_text(encoding="utf-8")
        # One line for each instruction.
        self.instructions = [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]

    def arguments(self, instruction):
        return [line.removeprefix(instruction).split() for line in self.instructions if line.startswith(instruction + " ")]

    def test_the_files_exist_and_the_program_can_be_started(self):
        copied = [words[0] for words in self.arguments("COPY") if not words[0].startswith("--from=")]
        self.assertEqual(copied, ["proto", str(PROGRAM.relative_to(stubs.TOP))])
        for name in copied:
            self.assertTrue((stubs.TOP / name).exists(), name)
        self.assertTrue(os.access(PROGRAM, os.X_OK), "it is the image's entry point")
        self.assertEqual(PROGRAM.read_text(encoding="utf-8").splitlines()[0], "#!/usr/bin/python3")
        ((entry,),) = self.arguments("ENTRYPOINT")
        self.assertEqual(json.loads(entry), [self.arguments("COPY")[-1][-1]])

    def test_the_packages_are_those_that_the_tests_run_with(self):
        installed = {word for line in self.instructions for part in line.split("&&") if "apt-get install" in part
                     for word in part.split("--no-install-recommends")[1].split()}
        known = (stubs.TOP / "deploy/install-packages.sh").read_text(encoding="utf-8").split()
        self.assertLess({"python3-grpcio", "python3-protobuf"}, installed)
        self.assertEqual(installed - set(known), set())
        self.assertEqual({words[0] for words in self.arguments("FROM")}, {"debian:12-slim"})

    def test_the_modules_that_it_makes_suffice(self):
        (command,) = [line for line in self.instructions if "protoc " in line]
        with tempfile.TemporaryDirectory() as directory:
            made = f"{directory}/modules"
            command = command.removeprefix("RUN ").replace("/modules", made).replace("cd /proto", f"cd {stubs.TOP / 'proto'}")
            subprocess.run(["/bin/sh", "-c", command], check=True)
            environment = {"PYTHONPATH": made, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
            subprocess.run([PROGRAM, "--help"], check=True, env=environment, stdout=subprocess.DEVNULL)

    def test_the_manifest_runs_this_image(self):
        _, deployment = yaml.safe_load_all((PROGRAM.parent / "controller.yaml").read_text(encoding="utf-8"))
        pod = deployment["spec"]["template"]["spec"]
        text = (PROGRAM.parent / "Dockerfile").read_text(encoding="utf-8")
        self.assertIn(f"-t {pod['containers'][0]['image']} .", text)
        ((user,),) = self.arguments("USER")
        self.assertEqual(user, f"65532:{pod['securityContext']['fsGroup']}", "a number, for runAsNonRoot, that may read the key")


class Program:
    """A program whose lines on standard error (or output) are read until a text appears."""

    def __init__(self, *command, stream="stderr"):
        self.process = subprocess.Popen(command, text=True, **{stream: subprocess.PIPE},
                                        env={"PYTHONPATH": modules.name, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"})
        self.lines = getattr(self.process, stream)
        self.seen = []

    def read_until(self, text):
        for line in self.lines:
            self.seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"'{text}' does not appear in:\n{''.join(self.seen)}")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        threading.Thread(target=lambda: list(self.lines), daemon=True).start()  # so that it does not wait for a reader
        self.process.wait()


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.socket = f"{self.directory.name}/agent-0/agent.sock"

    def start(self, *command, **options):
        program = Program(*map(str, command), **options)
        self.addCleanup(program.lines.close)
        self.addCleanup(program.end)
        return program

    def start_agents(self):
        agents = self.start(build / "bin/synthetic-agents", "--directory", self.directory.name, "--containers", "2", "--period",
                            "100ms", stream="stdout")
        agents.read_until("serving")
        return agents

    def start_controller(self):
        return self.start("/usr/bin/python3", PROGRAM, "--agents", f"unix:{self.socket}", "--namespace", "shop", "--remote", "0.5",
                          "--min-bytes", "1", "--periods", "2", "--period", "0.1", "--cooldown", "0")

    def test_repairs_the_containers_of_an_agent_also_of_the_next_one(self):
        agents = self.start_agents()
        program = self.start_controller()
        for _ in range(2):
            self.assertRegex(program.read_until("migration "), r"shop/db-0-\d container db: migration \S+: SUCCEEDED")
        agents.end()
        program.read_until("lost the agent at unix:")
        self.start_agents()
        program.read_until("the agent has 2 containers")
        program.read_until("SUCCEEDED")

    def test_leaves_what_somebody_else_has_reserved(self):
        self.start_agents()
        request = migration_pb2.ReserveWorkloadRequest(owner="other")
        request.workload.resource_name = "namespaces/shop/pods/db-0-1"
        request.ttl.FromSeconds(3600)
        with grpc.insecure_channel(f"unix:{self.socket}") as channel:
            migration_pb2_grpc.MigrationServiceStub(channel).ReserveWorkload(request, timeout=60)
        program = self.start_controller()
        missing = {"shop/db-0-1 container db: reserved by uid:0 ('other') until 20", "shop/db-0-0 container db: migration"}
        while missing:
            line = program.read_until("container db: ")
            self.assertNotIn("shop/db-0-1 container db: migration", line)
            missing = {text for text in missing if text not in line}

    def test_leaves_an_agent_that_is_quiet(self):
        self.start_agents()
        options = controller.parse(["--agents", f"unix:{self.socket}", "--namespace", "other", "--period", "0.1"])
        follower, stop = controller.Controller(controller.Rule(frozenset(["other"]))), threading.Event()
        thread = threading.Thread(target=controller.serve, args=(f"unix:{self.socket}", follower, options, stop), daemon=True)
        thread.start()
        while not follower.board.is_complete:
            time.sleep(0.01)
        stop.set()
        thread.join(timeout=60)
        self.assertFalse(thread.is_alive(), "it follows an agent that has left")

    def test_the_client_of_the_guide(self):
        """The first example of proto/README.md."""
        self.start_agents()
        text = (stubs.TOP / "proto/README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        client = pathlib.Path(self.directory.name) / "client.py"
        client.write_text(text.replace("/run/numa-locality-agent/agent.sock", self.socket), encoding="utf-8")
        program = self.start("/usr/bin/python3", client, stream="stdout")
        self.assertEqual(sorted(program.read_until("db-0-") for _ in range(2)), ["shop db-0-0 0% local\n", "shop db-0-1 0% local\n"])

    def test_follows_the_real_agent_across_a_restart(self):
        program = self.start_controller()
        program.read_until("lost the agent at unix:")
        for _ in range(2):
            agent = self.start(build / "bin/numa-locality-agent", "--socket", self.socket)
            program.read_until("the agent has ")
            agent.end()
            program.read_until("lost the agent at unix:")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=build)
    arguments, rest = parser.parse_known_args()
    build = arguments.build
    with modules:
        unittest.main(argv=[sys.argv[0], *rest])
