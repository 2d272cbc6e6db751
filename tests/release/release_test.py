#!/usr/bin/python3
"""deploy/release.sh and deploy/version.py, in a temporary checkout in which nothing is compiled."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PARTS = ["CMakeLists.txt", "deploy", "helm"]
IDENTITY = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "test"), ("EMAIL", "test@example.com"))}
FAKE_BUILD_IMAGE = """#!/bin/bash
mkdir -p "$2" && echo image >"$2/numa-locality-agent.tar" && echo '{}' >"$2/numa-locality-agent.spdx.json"
"""


class Checkout(unittest.TestCase):
    def setUp(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.top = directory / "checkout"
        self.tools = directory / "tools"
        self.tools.mkdir()
        for tool in ("cmake", "umoci"):
            self.write(self.tools / tool, "#!/bin/sh\n", 0o755)
        for part in PARTS:
            copy = shutil.copytree if (TOP / part).is_dir() else shutil.copy
            (self.top / part).parent.mkdir(parents=True, exist_ok=True)
            copy(TOP / part, self.top / part)
        self.write(self.top / "deploy/build-image.sh", FAKE_BUILD_IMAGE, 0o755)
        self.write(self.top / ".gitignore", "build/\n__pycache__/\n")
        self.version = self.run_here("deploy/version.py").stdout.strip()
        self.write(self.top / "CHANGELOG.md", f"# Changelog\n\n## [{self.version}] - 2026-01-31\n")
        self.run_here("git", "init", "--quiet")
        self.commit()

    @staticmethod
    def write(path, text, mode=0o644):
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def run_here(self, *command):
        environment = os.environ | IDENTITY | {"PATH": f"{self.tools}:{os.environ['PATH']}"}
        return subprocess.run([self.top / command[0] if "/" in command[0] else command[0], *command[1:]], cwd=self.top,
                              env=environment, text=True, capture_output=True, check=False)

    def commit(self):
        self.run_here("git", "add", "--all")
        self.assertEqual(self.run_here("git", "commit", "--quiet", "--message", "test").returncode, 0)

    def set_version(self, version):
        path = self.top / "CMakeLists.txt"
        path.write_text(path.read_text().replace(f"VERSION {self.version} ", f"VERSION {version} "))


class ReleaseTest(Checkout):
    def tags(self):
        return self.run_here("git", "tag").stdout.split()

    def assert_refused(self, *parts):
        for options in [[], ["--dry-run"]]:
            done = self.run_here("deploy/release.sh", *options)
            self.assertEqual(done.returncode, 1, done.stdout)
            for part in parts:
                self.assertIn(part, done.stderr)
        self.assertFalse((self.top / "build").exists())

    def test_release(self):
        done = self.run_here("deploy/release.sh")
        self.assertEqual(done.returncode, 0, done.stderr)
        output = self.top / f"build/release-{self.version}"
        chart = f"numa-locality-agent-{self.version}.tgz"
        self.assertEqual({path.name for path in output.iterdir()},
                         {"numa-locality-agent.tar", "numa-locality-agent.spdx.json", chart, "kubectl-numa", "SHA256SUMS"})
        sums = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=output, text=True, capture_output=True, check=False)
        self.assertEqual((sums.returncode, sums.stdout.count(": OK")), (0, 4), sums.stdout + sums.stderr)
        self.assertEqual(self.tags(), [f"v{self.version}"])
        self.assertEqual([path.name for path in (self.top / "build").iterdir()], [output.name])
        again = self.run_here("deploy/release.sh")
        self.assertEqual(again.returncode, 1)
        self.assertIn(f"tag v{self.version} exists already", again.stderr)

    def test_dry_run_changes_nothing(self):
        done = self.run_here("deploy/release.sh", "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"tag v{self.version}", done.stdout)
        self.assertEqual(self.tags(), [])
        self.assertFalse((self.top / "build").exists())

    def test_a_build_that_fails_leaves_nothing(self):
        self.write(self.top / "deploy/build-image.sh", "#!/bin/sh\nexit 1\n", 0o755)
        self.commit()
        self.assertNotEqual(self.run_here("deploy/release.sh").returncode, 0)
        self.assertEqual(self.tags(), [])
        self.assertEqual(list((self.top / "build").iterdir()), [])

    def test_uncommitted_changes(self):
        self.write(self.top / "deploy/new.txt", "\n")
        self.assert_refused("not committed", "deploy/new.txt", "Commit or remove them")

    def test_no_section_in_the_changelog(self):
        self.write(self.top / "CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n")
        self.commit()
        self.assert_refused(f"CHANGELOG.md has no section for {self.version}", f"## [{self.version}] - ")

    def test_section_without_a_date(self):
        self.write(self.top / "CHANGELOG.md", f"# Changelog\n\n## [{self.version}] - unreleased\n")
        self.commit()
        self.assert_refused(f"CHANGELOG.md has no date for {self.version}")

    def test_tag_exists(self):
        self.run_here("git", "tag", f"v{self.version}")
        self.assert_refused(f"tag v{self.version} exists already", "Set the next version")

    def test_output_exists(self):
        (self.top / f"build/release-{self.version}").mkdir(parents=True)
        done = self.run_here("deploy/release.sh")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"build/release-{self.version} exists already", done.stderr)

    def test_files_with_another_version(self):
        self.set_version("9.8.7")
        self.write(self.top / "CHANGELOG.md", "## [9.8.7] - 2026-01-31\n")
        self.commit()
        self.assert_refused("helm/numa-locality-agent/Chart.yaml", "deploy/version.py --update")

    def test_no_git_checkout(self):
        shutil.rmtree(self.top / ".git")
        self.assert_refused("not a git checkout")

    def test_wrong_option(self):
        done = self.run_here("deploy/release.sh", "--now")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--dry-run", done.stdout)


class VersionTest(Checkout):
    def test_update(self):
        self.set_version("9.8.7")
        self.assertEqual(self.run_here("deploy/version.py", "--check").returncode, 1)
        self.assertEqual(self.run_here("deploy/version.py", "--update").returncode, 0)
        self.assertEqual(self.run_here("deploy/version.py", "--check").returncode, 0)
        self.assertEqual(self.run_here("deploy/version.py").stdout, "9.8.7\n")
        old = re.compile(rf"(?<![\d.]){re.escape(self.version)}(?![\d.])")
        left = [path for part in PARTS for path in [self.top / part, *(self.top / part).rglob("*")]
                if path.is_file() and path.suffix != ".pyc" and old.search(path.read_text(encoding="utf-8"))]
        self.assertEqual([str(path) for path in left if path.name != "build-image.sh"], [])


class RepositoryTest(unittest.TestCase):
    def test_all_files_name_the_project_version(self):
        done = subprocess.run([TOP / "deploy/version.py", "--check"], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_changelog_has_the_version(self):
        version = subprocess.run([TOP / "deploy/version.py"], text=True, capture_output=True, check=True).stdout.strip()
        self.assertIn(f"## [{version}] - ", (TOP / "CHANGELOG.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
