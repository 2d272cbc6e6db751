"""Which files tidy.py checks, and that a finding fails the check."""

import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import tidy

RULES = pathlib.Path(__file__).resolve().parents[2] / ".clang-tidy"


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())).resolve()
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit({"agent/a.cc": "int a;\n", "agent/b.cc": '#include "agent/only.h"\n', "agent/only.h": "\n"})

    def git(self, *arguments):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@localhost", *arguments], cwd=self.top, check=True)

    def write(self, files):
        for path, text in files.items():
            (self.top / path).parent.mkdir(parents=True, exist_ok=True)
            (self.top / path).write_text(text)

    def commit(self, files):
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=a")

    def changed(self):
        return tidy.changed_files(self.top, tidy.base_commit(self.top))

    def test_a_branch_is_compared_with_its_merge_base(self):
        self.git("checkout", "--quiet", "-b", "branch")
        self.commit({"agent/a.cc": "int a;\nint aa;\n"})
        self.commit({"agent/c.cc": "int c;\nint cc;\nint ccc;\n", "agent/README.md": "no C++\n"})
        self.assertEqual(self.changed(), ["agent/c.cc", "agent/a.cc"])
        self.write({"agent/new.h": "1\n2\n3\n4\n"})
        self.assertEqual(self.changed(), ["agent/new.h", "agent/c.cc", "agent/a.cc"], "uncommitted files count")

    def test_main_is_compared_with_the_commit_before(self):
        self.assertEqual(tidy.base_commit(self.top), "", "there is none")
        self.commit({"agent/a.cc": "int aa;\n"})
        self.assertEqual(self.changed(), ["agent/a.cc"])
        self.git("rm", "--quiet", "agent/a.cc")
        self.commit({})
        self.assertEqual(self.changed(), [], "a removed file cannot be checked")

    def test_a_header_is_checked_by_a_source_that_includes_it(self):
        compiled = {"agent/a.cc", "agent/b.cc"}
        self.assertEqual(tidy.sources_of(self.top, ["agent/only.h", "agent/a.h", "agent/b.cc", "agent/none.h"], compiled),
                         ["agent/b.cc", "agent/a.cc"])

    def test_a_finding_is_counted_once(self):
        shutil.copy(RULES, self.top)
        self.write({"agent/named.h": "inline int bad_Name(int A) { return A; }\n",
                    "agent/a.cc": '#include "named.h"\nint First() { return bad_Name(1); }\n',
                    "agent/b.cc": '#include "named.h"\nint Second() { return bad_Name(2); }\n'})
        (self.top / "compile_commands.json").write_text(json.dumps(
            [{"directory": str(self.top), "file": f"agent/{name}.cc", "command": f"clang++ -c {self.top}/agent/{name}.cc"}
             for name in "ab"]))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            count = tidy.check(self.top, self.top, ["agent/a.cc", "agent/b.cc"], 1)
        self.assertEqual(count, 2, output.getvalue())
        self.assertIn("agent/named.h:1:12: error: invalid case style for function 'bad_Name'", output.getvalue())
        self.assertNotIn("agent/b.cc", output.getvalue())


if __name__ == "__main__":
    unittest.main()
