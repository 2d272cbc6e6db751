"""The second disk of a guest, made for each run: what to do, the cases, and the binaries under test."""

import json
import pathlib
import shutil

from host.cluster import write_cluster
from host.container_image import write_image
from host.failure import Failure, run
from host.images import write_ext4

HERE = pathlib.Path(__file__).resolve().parents[1]

# What goes along if the build has it; a build's bin/ also holds large tests that no guest needs.
PRODUCTS = ["numa-locality-agent", "localityctl", "numa-migrate"]
CONTAINER_PROGRAMS = ["integrity-workload", "many-processes"]  # static: they are all there is in their container


def write_job_disk(image, run_dir, job, build, binaries=(), extra_files=(), cluster=False):
    """Writes the ext4 image that the guest mounts at /job.

    job: what guest/main.py reads. binaries: names in the build's bin/ that must be there, beside the products.
    cluster: whether what a cluster hands a node goes along.
    """
    bin_dir = build / "bin"
    for name in binaries:
        if not (bin_dir / name).exists():
            raise Failure(f"{bin_dir / name} does not exist and this guest needs it: build it first (cmake --build)")
    tree = run_dir / "job"
    shutil.rmtree(tree, ignore_errors=True)
    for part in ("guest", "suites"):
        shutil.copytree(HERE / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    run(["protoc", f"--proto_path={HERE / 'guest'}", f"--python_out={tree / 'guest'}", "cri.proto"])
    (tree / "bin").mkdir()
    for name in {*binaries, *PRODUCTS, *CONTAINER_PROGRAMS}:
        if (bin_dir / name).exists():
            shutil.copy(bin_dir / name, tree / "bin")
    if cluster:
        write_cluster(tree / "cluster", build)
    for path in extra_files:
        shutil.copy(path, tree)
    write_image(tree / "workload.tar",
                [bin_dir / name for name in CONTAINER_PROGRAMS if (bin_dir / name).exists()])
    (tree / "job.json").write_text(json.dumps(job))
    image.unlink(missing_ok=True)
    write_ext4(tree, image, spare_mib=8)
    shutil.rmtree(tree)
