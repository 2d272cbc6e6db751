#!/usr/bin/python3
"""The container image: it contains what it should and nothing else, and building it twice gives the same archive.

  tests/image/image_test.py [--build build/release]
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ["numa-locality-agent", "numa-locality-front", "localityctl", "numa-migrate"]
SBOM = "usr/share/sbom/numa-locality-agent.spdx.json"
MOST_BYTES = 40_000_000
build = TOP / "build/release"


def make(directory, script=TOP / "deploy/build-image.sh"):
    # A fixed date: a commit that is made between two builds does not change it.
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run([script, "--build", build, "--output", directory], check=True, cwd=directory.parent, env=environment,
                   capture_output=True)
    return directory / "numa-locality-agent.tar"


class Image:
    """The content of an OCI archive."""

    def __init__(self, archive):
        with tarfile.open(archive) as tar:
            self.files = {member.name.removeprefix("./"): tar.extractfile(member).read() for member in tar if member.isfile()}
        self.index = json.loads(self.files["index.json"])
        (self.entry,) = self.index["manifests"]
        self.manifest = json.loads(self.blob(self.entry))
        self.config = json.loads(self.blob(self.manifest["config"]))

    def blob(self, descriptor):
        data = self.files["blobs/" + descriptor["digest"].replace(":", "/")]
        assert hashlib.sha256(data).hexdigest() == descriptor["digest"].split(":")[1]
        return data

    def layer(self):
        (descriptor,) = self.manifest["layers"]
        return tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.blob(descriptor))))


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.archive = make(cls.directory / "one")
        cls.image = Image(cls.archive)
        cls.root = cls.directory / "root"
        with cls.image.layer() as layer:
            layer.extractall(cls.root)

    def paths(self):
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir()}

    def sbom(self):
        return json.loads((self.root / SBOM).read_text())

    def test_twice_the_same(self):
        again = make(self.directory / "two")
        self.assertEqual(self.archive.read_bytes(), again.read_bytes())
        name = "numa-locality-agent.spdx.json"
        self.assertEqual((self.directory / "one" / name).read_bytes(), (self.directory / "two" / name).read_bytes())

    def test_small(self):
        self.assertLess(self.archive.stat().st_size, MOST_BYTES)

    def test_names_itself(self):
        version = re.search(r"project\(numa-locality-agent VERSION ([\d.]+)", (TOP / "CMakeLists.txt").read_text()).group(1)
        self.assertEqual(self.entry_annotation("io.containerd.image.name"), f"localhost/numa-locality-agent:{version}")
        labels = self.image.config["config"]["Labels"]
        self.assertEqual(labels["org.opencontainers.image.version"], version)
        self.assertEqual(labels["org.opencontainers.image.licenses"], "Apache-2.0")
        printed = subprocess.run([build / "bin/localityctl", "--version"], text=True, capture_output=True, check=True).stdout
        self.assertIn(labels["org.opencontainers.image.revision"], printed)
        self.assertIn(version, printed)

    def entry_annotation(self, name):
        return self.image.entry["annotations"][name]

    def test_runs_what_users_expect(self):
        config = self.image.config["config"]
        self.assertEqual(config["Entrypoint"], ["/usr/bin/numa-locality-agent"])
        self.assertEqual(self.image.config["architecture"],
                         subprocess.run(["dpkg", "--print-architecture"], text=True, capture_output=True, check=True).stdout.strip())

    def test_has_no_shell_and_nothing_else_to_run(self):
        with self.image.layer() as layer:
            executable = {member.name.lstrip("./") for member in layer if member.isfile() and member.mode & 0o111}
        self.assertEqual({path for path in executable if "/lib" not in path},
                         {"usr/sbin/nginx", *(f"usr/bin/{program}" for program in PROGRAMS)})

    def test_programs_find_all_they_load_in_it(self):
        (loader,) = [path for path in self.root.rglob("ld-linux*") if path.is_file()]
        folders = sorted({str(path.parent) for path in self.root.rglob("*.so.*")})
        for program in ["usr/sbin/nginx", *(f"usr/bin/{program}" for program in PROGRAMS)]:
            listed = subprocess.run([loader, "--list", "--inhibit-cache", "--library-path", ":".join(folders),
                                     self.root / program], text=True, capture_output=True, check=True).stdout
            for path in re.findall(r"=> (\S+)", listed):
                self.assertTrue(path.startswith(str(self.root)), listed)
            self.assertNotIn("not found", listed)

    def test_all_belongs_to_root_and_has_one_time(self):
        with self.image.layer() as layer:
            members = list(layer)
        self.assertEqual({(member.uid, member.gid) for member in members}, {(0, 0)})
        self.assertEqual(len({member.mtime for member in members}), 1)
        self.assertFalse([member.name for member in members if member.isfile() and member.mode & 0o7022])

    def test_sbom_is_spdx(self):
        document = self.sbom()
        for key, value in {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT"}.items():
            self.assertEqual(document[key], value)
        self.assertRegex(document["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        identifiers = [package["SPDXID"] for package in document["packages"]]
        self.assertEqual(len(identifiers), len(set(identifiers)))
        for package in document["packages"]:
            self.assertRegex(package["SPDXID"], r"^SPDXRef-[A-Za-z0-9.-]+$")
            self.assertTrue(package["name"] and package["versionInfo"] and package["downloadLocation"])
            (reference,) = package["externalRefs"]
            self.assertRegex(reference["referenceLocator"], r"^pkg:(deb/debian|generic)/[a-z0-9.%A-F-]+@")
        known = {*identifiers, "SPDXRef-DOCUMENT"}
        for relation in document["relationships"]:
            self.assertLessEqual({relation["spdxElementId"], relation["relatedSpdxElement"]}, known)

    def test_sbom_has_every_library(self):
        versions = {package["name"]: package["versionInfo"] for package in self.sbom()["packages"]}
        names = {path.name for path in self.root.rglob("*.so.*") if path.is_file()}
        self.assertGreater(len(names), 10)
        for name in names:
            done = subprocess.run(["dpkg-query", "--search", f"*/{name}"], text=True, capture_output=True, check=True).stdout
            packages = {line.split(":")[0] for line in done.splitlines()}
            self.assertTrue(packages & versions.keys(), f"{name} is of {packages}")
        self.assertLessEqual({"libcli11-dev", "nlohmann-json3-dev"}, versions.keys())  # headers only
        for path in (self.root / "var/lib/dpkg/status.d").iterdir():
            self.assertIn(f"\nVersion: {versions[path.name]}\n", path.read_text())
            self.assertIn(f"usr/share/doc/{path.name}/copyright", self.paths())

    def test_dockerfile_copies_what_is_there(self):
        for line in (TOP / "deploy/Dockerfile").read_text().splitlines():
            if line.startswith("COPY ") and "--from" not in line:
                for source in line.split()[1:-1]:
                    self.assertTrue((TOP / source).exists(), line)

    def test_dockerfile_makes_the_same(self):
        text = (TOP / "deploy/Dockerfile").read_text()
        script = (TOP / "deploy/build-image.sh").read_text()
        self.assertIn("deploy/image_root.py --bin build/release/bin", text)
        self.assertIn("COPY --from=build /root-of-image /", text)
        labels = set(re.findall(r"org\.opencontainers\.image\.\w+", text))
        self.assertLessEqual(labels, set(re.findall(r"org\.opencontainers\.image\.\w+", script)))
        for label in ("title", "description", "licenses"):
            value = self.image.config["config"]["Labels"][f"org.opencontainers.image.{label}"]
            self.assertIn(f'org.opencontainers.image.{label}="{value}"', text)

    def test_history_names_each_layer(self):
        layers = [entry for entry in self.image.config["history"] if not entry.get("empty_layer")]
        self.assertEqual(len(layers), len(self.image.manifest["layers"]))

    def test_says_what_is_missing(self):
        empty = self.directory / "empty"
        (empty / "bin").mkdir(parents=True)
        done = subprocess.run([TOP / "deploy/build-image.sh", "--build", empty, "--output", self.directory / "none"],
                              text=True, capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("build it first", done.stderr)
        self.assertFalse((self.directory / "none").exists())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=build)
    options, rest = parser.parse_known_args()
    build = options.build.resolve()
    if not shutil.which("umoci"):
        sys.exit("umoci is not installed: run deploy/install-packages.sh")
    unittest.main(argv=[sys.argv[0], *rest])
