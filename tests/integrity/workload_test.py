"""Runs integrity-workload and many-processes as tests of the agent do, without an agent.

ctest runs each test by itself: workload_test.py [Class.test]. The programs are found in the
directory that the environment variable BIN names.
"""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ["BIN"])
SMALL = ["--bytes", "16M"]
# Generous: machines under test are emulated, or busy with other builds.
DEADLINE_SECONDS = 60
CONTROL_SECONDS = 10


class Workload:
    """A running workload; its events are read one by one. Use as a context manager."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BIN / "integrity-workload", *SMALL, *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def next(self, event):
        """The next event of that name, skipping others."""
        for line in self.process.stdout:
            found = json.loads(line)
            if found["event"] == event:
                return found
        raise AssertionError(f"no '{event}'; standard error: {self.process.stderr.read()}")

    def stop(self):
        """Asks it to end; returns the result event and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.next("result"), self.process.wait(DEADLINE_SECONDS)


def run(*arguments):
    """Runs to the end; returns exit code, events, standard error."""
    done = subprocess.run([BIN / "integrity-workload", *SMALL, *arguments], text=True,
                          capture_output=True, timeout=DEADLINE_SECONDS, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def smaps(pid, start):
    """The fields, in KiB, of the mapping of `pid` that begins at `start`; its end as "end"."""
    fields = None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            if fields:
                return fields
            begin, end = (int(address, 16) for address in first.split("-"))
            fields = {"end": end} if begin == start else None
        elif fields is not None and rest[-1] == "kB":
            fields[first[:-1]] = int(rest[0])
    return fields


class Baseline(unittest.TestCase):
    def check_clean(self, *arguments):
        code, events, errors = run("--seconds", "2", *arguments)
        result = events[-1]
        self.assertEqual(code, 0, errors)
        self.assertEqual(result["event"], "result")
        self.assertEqual(result["mismatches"], 0)
        self.assertEqual(result["lost_processes"] + result["crashed_processes"], 0)
        return events

    def test_threads(self):
        events = self.check_clean("--workers", "8")
        self.assertIn("progress", [event["event"] for event in events])
        self.assertGreater(events[-1]["operations"], 4096)  # more than the check at the end

    def test_processes(self):
        events = self.check_clean("--workers", "2", "--processes", "3")
        self.assertEqual(len(set(events[0]["pids"])), 3)

    def test_throttled(self):
        with Workload("--ops-per-second", "200") as workload:
            first = workload.next("progress")["operations"]
            second = workload.next("progress")["operations"]
            self.assertGreater(second, first)
            self.assertLess(second, 5000)  # unlimited, it would be millions

    def test_memory_is_exactly_what_was_asked_for(self):
        setting = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
        kernel_has_huge_pages = "[never]" not in setting
        for thp in ("never", "always"):
            with self.subTest(thp=thp), Workload("--processes", "2", "--thp", thp) as workload:
                regions = workload.next("ready")["regions"]
                self.assertEqual(len(regions), 2)
                for region in regions:
                    start, end = int(region["start"], 16), int(region["end"], 16)
                    mapping = smaps(region["pid"], start)
                    self.assertEqual(mapping["end"], end)
                    self.assertEqual(end - start, 8 << 20)
                    self.assertEqual(mapping["Anonymous"], 8192)
                    self.assertEqual(mapping["Rss"], 8192)
                    self.assertEqual(mapping["AnonHugePages"] > 0,
                                     thp == "always" and kernel_has_huge_pages)

    def test_shared_memory_is_mapped_by_every_process(self):
        for arguments in (["mapping"], ["mapping", "--idle"], ["fork", "--idle"]):
            with self.subTest(arguments), Workload("--processes", "3", "--sharing",
                                                   *arguments) as workload:
                regions = workload.next("ready")["regions"]
                start = min(int(region["start"], 16) for region in regions)
                for region in regions:
                    mapping = smaps(region["pid"], start)
                    self.assertEqual(mapping["Shared_Dirty"] + mapping["Shared_Clean"], 16384)
                    self.assertEqual(mapping["Anonymous"], 16384 if arguments[0] == "fork" else 0)
                result, code = workload.stop()
                self.assertEqual((code, result["mismatches"]), (0, 0))
                self.assertGreaterEqual(result["operations"], 4096)

    def test_a_file_is_mapped_as_well(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(1 << 20))
            file.flush()
            with Workload("--map", file.name) as workload:
                pid = workload.next("ready")["pids"][0]
                maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
                line = next(line for line in maps.splitlines() if line.endswith(file.name))
                self.assertEqual(line.split()[1], "r--s")
                self.assertEqual(smaps(pid, int(line.split("-")[0], 16))["Rss"], 1024)

    def test_report_file_holds_what_was_printed(self):
        with tempfile.TemporaryDirectory() as directory:
            report = pathlib.Path(directory, "report")
            _, events, _ = run("--seconds", "2", "--report", report)
            self.assertEqual([json.loads(line) for line in report.read_text().splitlines()], events)


class Control(unittest.TestCase):
    """Each kind of damage is found in time, and named."""

    def check_caught(self, kind, fault):
        started = time.monotonic()
        with Workload("--control", kind) as workload:
            mismatch = workload.next("mismatch")
            self.assertLess(time.monotonic() - started, CONTROL_SECONDS)
            result, code = workload.stop()
        self.assertEqual(code, 1)
        self.assertEqual(mismatch["fault"], fault)
        self.assertGreater(result[fault], 0)

    def test_torn(self):
        self.check_caught("torn", "torn")

    def test_stale(self):
        self.check_caught("stale", "stale")

    def test_misplaced(self):
        self.check_caught("misplaced", "misplaced")

    def test_zero(self):
        self.check_caught("zero", "zeroed")

    def test_flip(self):
        self.check_caught("flip", "corrupt")

    def test_damage_of_idle_memory_is_found_at_the_end(self):
        with Workload("--idle", "--control", "zero") as workload:
            self.assertEqual(workload.next("progress")["mismatches"], 0)
            result, code = workload.stop()
        self.assertEqual(code, 1)
        self.assertGreater(result["zeroed"], 0)


class Life(unittest.TestCase):
    def test_idle_memory_is_checked_on_demand(self):
        with Workload("--idle") as workload:
            workload.next("ready")
            self.assertEqual(workload.next("progress")["operations"], 0)
            workload.process.send_signal(signal.SIGUSR1)
            checked = workload.next("checked")
            self.assertEqual((checked["pages"], checked["mismatches"]), (4096, 0))
            result, code = workload.stop()
        self.assertEqual((code, result["operations"]), (0, 2 * 4096))

    def test_pinned_pages(self):
        with Workload("--pin-every", "64", "--processes", "2") as workload:
            self.assertEqual(workload.next("ready")["pinned_pages"], 4096 // 64)
            workload.next("progress")
            self.assertEqual(workload.stop()[1], 0)

    def test_more_pins_than_one_pipe_holds(self):
        with Workload("--pin-every", "2") as workload:
            self.assertEqual(workload.next("ready")["pinned_pages"], 2048)

    def test_goes_on_without_a_killed_process(self):
        with Workload("--processes", "3") as workload:
            os.kill(workload.next("ready")["pids"][1], signal.SIGKILL)
            while workload.next("progress")["lost_processes"] == 0:
                pass
            before = workload.next("progress")["operations"]
            self.assertGreater(workload.next("progress")["operations"], before)
            result, code = workload.stop()
        self.assertEqual((code, result["lost_processes"], result["crashed_processes"]), (0, 1, 0))

    def test_a_crashed_process_is_a_failure(self):
        with Workload("--processes", "2") as workload:
            os.kill(workload.next("ready")["pids"][0], signal.SIGSEGV)
            result, code = workload.stop()
        self.assertEqual((code, result["crashed_processes"]), (1, 1))

    def test_ends_when_no_process_is_left(self):
        with Workload() as workload:
            os.kill(workload.next("ready")["pids"][0], signal.SIGKILL)
            self.assertEqual(workload.next("result")["lost_processes"], 1)
            self.assertEqual(workload.process.wait(DEADLINE_SECONDS), 1)

    def test_a_stopped_process_shows_as_a_gap(self):
        with Workload() as workload:
            pid = workload.next("ready")["pids"][0]
            os.kill(pid, signal.SIGSTOP)
            while workload.next("progress")["longest_gap_ms"] < 1500:
                pass
            os.kill(pid, signal.SIGCONT)
            result, code = workload.stop()
        self.assertEqual(code, 0)
        self.assertGreaterEqual(result["longest_gap_ms"], 1500)

    def test_processes_die_with_the_supervisor(self):
        with Workload("--processes", "2") as workload:
            pids = workload.next("ready")["pids"]
        deadline = time.monotonic() + DEADLINE_SECONDS
        while any(pathlib.Path(f"/proc/{pid}/smaps_rollup").exists() for pid in pids):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)


class Arguments(unittest.TestCase):
    def test_bad_arguments_are_named(self):
        for arguments in (["--workers", "9"], ["--bytes", "12x"], ["--bytes", "4097"],
                          ["--bytes", ""], ["--workers", "2", "--bytes", "4K"], ["--thp", "maybe"],
                          ["--control", "none"], ["--idle", "--control", "torn"], ["--seconds"],
                          ["--frob"], ["--report", "/nonexistent/report"],
                          ["--sharing", "maybe"], ["--sharing", "fork"],
                          ["--pin-every", "2", "--sharing", "mapping"], ["--map", "/nonexistent"]):
            with self.subTest(arguments=arguments):
                code, events, errors = run(*arguments)
                self.assertEqual((code, events), (2, []))
                self.assertIn(next(a for a in reversed(arguments) if a.startswith("--")), errors)


class ManyProcesses(unittest.TestCase):
    def test_all_are_there_and_end_together(self):
        with subprocess.Popen([BIN / "many-processes", "200"], stdout=subprocess.PIPE,
                              text=True) as parent:
            self.assertEqual(json.loads(parent.stdout.readline())["processes"], 200)
            listing = pathlib.Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
            children = listing.split()
            self.assertEqual(len(children), 200)
            parent.terminate()
            self.assertEqual(parent.wait(DEADLINE_SECONDS), 0)

    def test_bad_count(self):
        for count in ("0", "many", "-5"):
            done = subprocess.run([BIN / "many-processes", count], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
