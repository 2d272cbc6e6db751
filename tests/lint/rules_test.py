"""Shows for each rule that it can fail, and that correct files pass."""

import pathlib
import shutil
import tempfile
import unittest
from unittest import mock

import rules

FORMAT = pathlib.Path(__file__).resolve().parents[2] / ".clang-format"


class RulesTest(unittest.TestCase):
    def complaints(self, rule, files):
        """The complaints of `rule` about a checkout that holds these files (path -> text)."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            shutil.copy(FORMAT, root)
            return list(rule(rules.Tree(root)))

    def check(self, rule, wrong, right):
        """Expects one complaint about each (path, text) of `wrong`, checked alone, and none about those of `right`."""
        for path, text in wrong:
            with self.subTest(wrong=(path, text)):
                complaints = self.complaints(rule, {path: text})
                self.assertEqual(len(complaints), 1, complaints)
                self.assertTrue(complaints[0].startswith(path.split("/")[0]), complaints)
        for path, text in right:
            with self.subTest(right=(path, text)):
                self.assertEqual(self.complaints(rule, {path: text}), [])

    def test_include_direction(self):
        def including(folder, included):
            return f"agent/{folder}", f'// A file.\n#include "{included}"\n'
        self.check(rules.include_direction,
                   wrong=[including("base/a.h", "agent/model/b.h"),
                          including("model/a.h", "agent/os/base/b.h"),
                          including("os/act/a.cc", "agent/engine/context.h"),
                          including("os/base/a.cc", "agent/os/act/b.h"),
                          including("os/cgroup/a.cc", "agent/os/process/b.h"),
                          including("os/node/a.cc", "agent/os/cgroup/b.h"),
                          including("os/pages/a.cc", "agent/os/act/b.h"),
                          including("os/a.cc", "agent/os/base/b.h"),
                          including("engine/move/a.cc", "agent/rpc/b.h"),
                          including("engine/workload/a.cc", "agent/engine/move/b.h"),
                          including("engine/move/a.cc", "agent/engine/report/b.h"),
                          including("engine/report/a.cc", "agent/engine/move/b.h"),
                          including("engine/migrate/a.cc", "agent/engine/repair/b.h"),
                          including("engine/repair/a.cc", "agent/engine/health/b.h"),
                          including("engine/migrate/a.cc", "agent/config.h"),
                          including("rpc/convert/a.cc", "agent/rpc/b.h"),
                          including("rpc/a.cc", "agent/http/b.h"),
                          including("config/a.cc", "agent/rpc/b.h"),
                          including("cli/table.h", "agent/engine/context.h"),
                          including("cli/localityctl/main.cc", "agent/os/base/b.h"),
                          including("cli/localityctl/main.cc", "agent/cli/numa_migrate/b.h"),
                          including("cli/numa_migrate/main.cc", "agent/rpc/b.h"),
                          including("main.cc", "agent/cli/table.h"),
                          including("front/a.cc", "agent/os/act/b.h"),
                          including("os/base/a.cc", "b.h"),
                          including("os/base/a.cc", "../model/b.h"),
                          ("agent/util/a.h", "\n")],
                   right=[including("base/a.cc", "agent/base/a.h"),
                          including("model/a.cc", "agent/base/a.h"),
                          including("os/process/a.cc", "agent/os/cgroup/a.h"),
                          including("os/pages/a.cc", "agent/os/node/a.h"),
                          including("os/act/a.cc", "agent/os/pages/a.h"),
                          including("engine/context.h", "agent/os/base/b.h"),
                          including("engine/workload/a.cc", "agent/engine/context.h"),
                          including("engine/move/a.cc", "agent/os/act/b.h"),
                          including("engine/migrate/a.cc", "agent/engine/report/b.h"),
                          including("engine/repair/a.cc", "agent/engine/migrate/b.h"),
                          including("engine/health/a.cc", "agent/base/b.h"),
                          including("rpc/a.cc", "agent/rpc/convert/b.h"),
                          including("rpc/a.cc", "agent/config/b.h"),
                          including("rpc/convert/a.cc", "agent/engine/migrate/b.h"),
                          including("main.cc", "agent/rpc/b.h"),
                          including("front/a.cc", "agent/os/base/b.h"),
                          including("main.cc", "agent/config.h"),
                          including("cli/localityctl/main.cc", "agent/cli/table.h"),
                          including("cli/localityctl/main.cc", "numalocality/v1/a.pb.h"),
                          including("cli/numa_migrate/main.cc", "agent/engine/context.h"),
                          ("tests/unit/a_test.cc", '#include "agent/engine/context.h"\n'),
                          ("agent/base/a.cc", '// not #include "agent/os/b.h"\n')])

    def test_protobuf_at_the_edge(self):
        self.check(rules.protobuf_at_the_edge,
                   wrong=[("agent/engine/a.h", '#include "numalocality/v1/placement.pb.h"\n'),
                          ("agent/main.cc", "#include <grpcpp/grpcpp.h>\n"),
                          ("agent/cli/numa_migrate/main.cc", '#include "grpcpp/channel.h"\n'),
                          ("agent/http/a.cc", "#include <google/protobuf/message.h>\n")],
                   right=[("agent/rpc/a.h", '#include "numalocality/v1/placement.grpc.pb.h"\n'),
                          ("agent/runtime/a.cc", "#include <grpcpp/grpcpp.h>\n"),
                          ("agent/cli/localityctl/main.cc", "#include <grpcpp/grpcpp.h>\n")])

    def test_syscalls_behind_the_seam(self):
        self.check(rules.syscalls_behind_the_seam,
                   wrong=[("agent/engine/a.cc", "#include <numaif.h>\n"),
                          ("agent/model/a.cc", "#include <sys/syscall.h>\n"),
                          ("agent/cli/numa_migrate/main.cc", "long a = syscall(SYS_gettid);\n")],
                   right=[("agent/os/a.cc", "#include <numaif.h>\n"),
                          ("agent/os/b.cc", "long a = syscall(SYS_gettid);\n"),
                          ("agent/engine/a.cc", "// one syscall (move_pages)\n"),
                          ("tests/vm/hog.cc", "#include <numaif.h>\n")])

    def test_threads_where_state_is(self):
        self.check(rules.threads_where_state_is,
                   wrong=[("agent/os/a.cc", "#include <thread>\n"),
                          ("agent/model/a.h", "std::mutex m;\n"),
                          ("agent/base/log.cc", "std::lock_guard lock(m);\n"),
                          ("agent/os/b.h", '#include "agent/base/mutex.h"\n'),
                          ("agent/cli/progress.cc", "std::jthread t;\n"),
                          ("agent/base/c.h", '#include "absl/synchronization/mutex.h"\n')],
                   right=[("agent/engine/a.h", "std::thread t;\n"),
                          ("agent/http/a.h", '#include "agent/base/mutex.h"\n'),
                          ("agent/base/mutex.h", "#include <mutex>\n"),
                          ("agent/main.cc", "std::thread signals;\n"),
                          ("agent/os/a.cc", "std::this_thread::yield();  // not std::thread\n")])

    def test_formatted(self):
        self.check(rules.formatted,
                   wrong=[("agent/a.cc", "int  a;\n"), ("tests/a.h", "int a;  \n")],
                   right=[("agent/a.cc", "int a;\n"), ("agent/a.py", "a  = 1\n")])

    def test_missing_clang_format_is_no_pass(self):
        with mock.patch("shutil.which", return_value=None):
            complaints = self.complaints(rules.formatted, {"agent/a.cc": "int a;\n"})
        self.assertEqual(len(complaints), 1)
        self.assertIn("apt-get install", complaints[0])

    def test_named_tests(self):
        tests = {"tests/unit/a_test.cc": "TEST_F(SomeTest,\n       IsThere) {\n",
                 "tests/vm/suites/some.py": "def case(machine):\n"}
        for name, count in ("SomeTest.IsThere", 0), ("some.case", 0), ("SomeTest.IsNot", 1), ("other.case", 1):
            with self.subTest(name=name):
                readme = {"tests/README.md": f"| trap | `{name}` |\nSuites are `any.names`.\n"}
                self.assertEqual(len(self.complaints(rules.named_tests, tests | readme)), count)

    def test_short_files(self):
        most = "\n" * rules.MOST_LINES
        self.check(rules.short_files,
                   wrong=[("agent/a.cc", most + "x\n"), ("tests/a.py", most + "x"),
                          ("deploy/a.sh", most + "\n"), ("agent/a.h", most + "x\n")],
                   right=[("agent/a.cc", most), ("README.md", most + "x\n")])

    def test_clean_text(self):
        self.check(rules.clean_text,
                   wrong=[("README.md", "text \n"), ("agent/a.cc", "int a;\t\n"),
                          ("tests/run.sh", "# TO" "DO later\n"), ("agent/a.h", "// FIX" "ME\n"),
                          ("deploy/a.sh", "cd /wo" "rk/main\n"), ("helm/a.yaml", "a: /ho" "me/me/x\n"),
                          (".ci/run", "text \n")],
                   right=[("README.md", "text\n\ntext\n"), ("agent/a.cc", "int todo_count;\n"),
                          ("deploy/a.sh", "mkdir overlay/work/upper\n"),
                          ("tests/fixtures/host/proc/1/maps", "7f00 rw-p /ho" "me/me/x \n"),
                          ("build/a.txt", "text \n")])

    def test_binary_files_are_left_alone(self):
        with tempfile.TemporaryDirectory() as root:
            pathlib.Path(root, "a.bin").write_bytes(b"\xff\xfe \n")
            self.assertEqual(list(rules.clean_text(rules.Tree(root))), [])

    def test_top_level(self):
        self.check(rules.top_level,
                   wrong=[("docs/a.md", ""), ("NOTES.txt", ""), ("build.sh", "")],
                   right=[("agent/a.cc", ""), ("README.md", ""), ("LICENSE", ""), (".gitignore", ""),
                          (".ci/run", ""), ("build/release/a.o", "")])

    def test_modules_in_map(self):
        files = {"agent/os/act/a_file.cc": "", "agent/os/act/a_file.h": "", "agent/main.cc": ""}
        for text, missing in [("`os/act/a_file.h` and `main.cc`\n", []),
                              ("```\nos/act/\n  a_file  moves\n```\nflags: `main`\n", []),
                              ("a_file in prose, `main`\n", ["agent/os/act/a_file"]),
                              ("`a_file_too`, `main`\n", ["agent/os/act/a_file"]),
                              ("\n", ["agent/main", "agent/os/act/a_file"])]:
            with self.subTest(text=text):
                complaints = self.complaints(rules.modules_in_map, files | {"agent/README.md": text})
                self.assertEqual([complaint.split(":")[0] for complaint in complaints], missing)
        self.assertEqual(len(self.complaints(rules.modules_in_map, files)), 2, "without a map")

    def test_retired_words(self):
        self.check(rules.retired_words,
                   wrong=[("agent/a.h", "HostPaths host;\n"), ("agent/a.cc", "// a second look\n"),
                          ("agent/a.cc", "CounterCheck check;\n"), ("README.md", "It tells why.\n"),
                          ("proto/a.proto", "// Told by the kernel.\n"), ("tests/a.cc", "void TellAll();\n"),
                          ("tests/a.cc", "TEST(A, ItIsToldTwice) {\n"), ("tests/a.py", "was_told = 1\n"),
                          ("helm/a.yaml", "# mended\n"), ("README.md", "all but for one\n"),
                          ("README.md", "`--throttle 4M`\n")],
                   right=[("README.md", "It reports a threshold, an untold and a recommended one.\n"),
                          ("CHANGELOG.md", "HostPaths, told\n"), ("tests/fixtures/a", "told\n"),
                          ("agent/a.cc", 'AddOption("--bandwidth,--throttle");\n'),
                          ("agent/a.cc", "int amend, intellect, stolid;\n")])

    def test_every_rule_is_tested(self):
        for rule in rules.ALL:
            self.assertTrue(hasattr(self, f"test_{rule.__name__}"), rule.__name__)


if __name__ == "__main__":
    unittest.main()
