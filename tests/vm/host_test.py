#!/usr/bin/python3
"""The parts of the machine that decide pass or fail, tested without booting it."""

import ast
import pathlib
import tempfile
import unittest

from guest import oracles
from host import container_image, job_disk, plan, topology
from host.cache import cached
from host.failure import Failure
from host.initramfs import modules_in_order
from host.machine import died_at_boot, kernel_trouble
from host.results import Results

HERE = pathlib.Path(__file__).resolve().parent


class ResultsTest(unittest.TestCase):
    def results(self, *lines):
        results = Results()
        for line in lines:
            results.feed(line)
        return results

    def test_complete_run(self):
        results = self.results('{"event":"begin"}\n{"event":"case","na', 'me":"a.b","ok":true}\n{"event":"end"}\n')
        self.assertIsNone(results.problem())
        self.assertIsNotNone(results.first("case", name="a.b", ok=True))
        self.assertIsNone(results.first("case", name="a.c"))

    def test_missing_end(self):
        self.assertIn("before the end", self.results('{"event":"begin"}\n').problem())

    def test_nothing(self):
        self.assertIn("never began", self.results().problem())

    def test_cut_off(self):
        self.assertIn("garbled", self.results('{"event":"begin"}\n{"event":"end"').problem())


class KernelTroubleTest(unittest.TestCase):
    def test_faults(self):
        for line in ("[    9.123456] BUG: kernel NULL pointer dereference, address: 0000000000000000",
                     "[    9.123456] Kernel panic - not syncing: sysrq triggered crash",
                     "[    9.123456] INFO: task numa-migrate:321 blocked for more than 120 seconds.",
                     "[    9.123456] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [python3:99]",
                     "[    9.123456] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
                     "[    9.123456] rcu: INFO: rcu_preempt self-detected stall on CPU",
                     "[    9.123456] WARNING: CPU: 2 PID: 0 at mm/migrate.c:350 move_pages+0x6b/0x80"):
            self.assertEqual(kernel_trouble(f"[    0.100000] booting\n{line}\nmore\n"), line)

    def test_ordinary_lines(self):
        for line in ("[    1.000000] pci_bus 0000:00: Unknown NUMA node; performance will be reduced",
                     "       0.20 agent: BUG: not the kernel's own"):
            self.assertIsNone(kernel_trouble(line))


class DiedAtBootTest(unittest.TestCase):
    def died(self, console, *records):
        results = Results()
        for record in records:
            results.feed(record + "\n")
        with tempfile.TemporaryDirectory() as run_dir:
            pathlib.Path(run_dir, "console.log").write_text(console)
            return bool(died_at_boot(pathlib.Path(run_dir), results))

    def test_only_before_the_job(self):
        panic = "[    1.344337] Kernel panic - not syncing: Fatal exception in interrupt\n"
        self.assertTrue(self.died(panic))
        self.assertFalse(self.died(panic, '{"event":"begin"}'))
        self.assertFalse(self.died("[    1.000000] booting\n"))


class PlanTest(unittest.TestCase):
    def test_runs_are_complete(self):
        for run in plan.runs():
            self.assertTrue(run.cases)
            self.assertGreater(run.limit_seconds, 0)

    def test_every_suite_and_topology_is_used(self):
        runs = plan.runs()
        used = {case.split(".")[0] for run in runs for case in run.cases}
        self.assertEqual(used, {path.stem for path in plan.SUITES.glob("*.py")} - {"__init__"})
        self.assertEqual({run.topology for run in runs}, set(topology.names()))

    def test_every_suite_runs_without_long(self):
        usual = {case.split(".")[0] for run in plan.runs() if not run.long for case in run.cases}
        self.assertEqual(usual, {path.stem for path in plan.SUITES.glob("*.py")} - {"__init__"})
        for case in ("migrate.pod_repinned", "repair.memory_follows"):
            kernels = {run.kernel for run in plan.runs() if not run.long and case in run.cases}
            self.assertEqual(kernels, set(plan.KERNELS), case)

    def test_every_case_runs_once_on_a_kernel(self):
        for long in (False, True):
            names = [(run.kernel, run.name.split(".")[-1].removesuffix("_long"), case)
                     for run in plan.runs() if long or not run.long for case in run.cases]
            self.assertEqual(len(names), len(set(names)))

    def test_long_cases_have_a_boot_of_their_own(self):
        cases = [plan.Case("a.usual", 60, []), plan.Case("a.often", 900, ["6.1"])]
        found = {name: ([case.name for case in chosen], long) for name, _kernel, chosen, long
                 in plan.boots("guests.toml", "a", {"kernels": ["6.1", "6.12"]}, cases)}
        self.assertEqual(found, {"6.1.a": (["a.usual"], False), "6.1.a_long": (["a.often"], True),
                                 "6.12.a": (["a.usual", "a.often"], False)})
        found = list(plan.boots("guests.toml", "a", {"long_kernels": ["6.1"]}, cases))
        self.assertEqual(found, [("6.1.a", "6.1", cases, True)])
        with self.assertRaisesRegex(Failure, "move 6.1 to long_kernels"):
            list(plan.boots("guests.toml", "a", {"kernels": ["6.1"]}, cases[1:]))

    def test_unknown_suite(self):
        with self.assertRaisesRegex(Failure, "no suite nonsense"):
            plan.cases_of("nonsense")


class TopologyTest(unittest.TestCase):
    def test_absent_cpus(self):
        arguments = " ".join(topology.qemu_arguments(topology.load("sparse_ids")))
        self.assertIn("cpus=2,maxcpus=4,sockets=2,cores=2", arguments)
        self.assertIn("-numa node,nodeid=1,cpus=2-3 -object", arguments)

    def test_unknown(self):
        with self.assertRaisesRegex(Failure, "there are: .*two_node"):
            topology.load("nonsense")


class OraclesTest(unittest.TestCase):
    def test_numa_maps(self):
        text = ("7f0000000000 default anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=4\n"
                "7f0000200000 default file=/lib/x.so anon=1 dirty=1 mapped=9 N0=9 kernelpagesize_kB=4\n"
                "7f0000400000 default file=/lib/x.so mapped=9 N0=9 kernelpagesize_kB=4\n"
                "7f0000600000 default huge anon=2 dirty=2 N1=2 kernelpagesize_kB=2048\n"
                "7f0000800000 default\n")
        self.assertEqual(oracles.parse_numa_maps(text), {0: 4096, 1: 2 * 4096 + (4 << 20)})

    def test_lists(self):
        self.assertEqual(oracles.parse_list("0-2,4\n"), [0, 1, 2, 4])
        self.assertEqual(oracles.parse_list("\n"), [])


class FilesTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.directory = pathlib.Path(holder.name)

    def test_cache_keeps_no_half_entry(self):
        def fail(directory):
            (directory / "half").write_text("")
            raise Failure("stop")
        with self.assertRaises(Failure):
            cached(self.directory, "thing", {"version": 1}, fail)
        built = []
        for _ in range(2):
            entry = cached(self.directory, "thing", {"version": 1}, built.append)
        self.assertEqual(len(built), 1)
        self.assertFalse((entry / "half").exists())

    def test_files_for_the_guest(self):
        tree = self.directory / "tree"
        (tree / "bin").mkdir(parents=True)
        for path in ("program", "data/file", "job.json", "bin"):
            file = self.directory / path
            file.parent.mkdir(exist_ok=True)
            file.write_text("")
        (self.directory / "program").chmod(0o755)
        job_disk.add_file(tree, self.directory / "program")
        job_disk.add_file(tree, self.directory / "data")
        self.assertTrue((tree / "data/file").exists() and (tree / "program").stat().st_mode & 0o100)
        for path, message in ("job.json", "of its own"), ("bin", "of its own"), ("none", "does not exist"):
            with self.assertRaisesRegex(Failure, message):
                job_disk.add_file(tree, self.directory / path)

    def test_modules_come_after_what_they_need(self):
        (self.directory / "modules.builtin").write_text("kernel/fs/ext4.ko\n")
        (self.directory / "modules.dep").write_text(
            "a/blk.ko.xz: a/virtio.ko.xz a/ring.ko.xz\na/virtio.ko.xz: a/ring.ko.xz\na/ring.ko.xz:\n")
        self.assertEqual(modules_in_order(self.directory, ["ext4", "blk"]),
                         ["a/ring.ko.xz", "a/virtio.ko.xz", "a/blk.ko.xz"])
        with self.assertRaisesRegex(Failure, "no module xfs"):
            modules_in_order(self.directory, ["xfs"])

    def test_container_image_is_reproducible(self):
        for name in ("one.tar", "two.tar"):
            container_image.write_image(self.directory / name, [])
        self.assertEqual((self.directory / "one.tar").read_bytes(), (self.directory / "two.tar").read_bytes())


class GuestSourceTest(unittest.TestCase):
    def test_parses(self):
        for path in [*HERE.glob("guest/*.py"), *HERE.glob("guest/bin/*"), *HERE.glob("suites/*.py")]:
            ast.parse(path.read_text(), str(path))


if __name__ == "__main__":
    unittest.main()
