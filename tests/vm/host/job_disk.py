"""The second disk of a guest, made for each run: the job, the cases, and the programs under test."""

import json
import pathlib
import shutil

from host.cluster import write_cluster
from host.container_image import write_image
from host.failure import Failure, run
from host.images import write_ext4

HERE = pathlib.Path(__file__).resolve().parents[1]

# Copied if the build has them; a build's bin/ also holds large tests that no guest needs.
PRODUCTS = ["numa-locality-agent", "numa-locality-front", "localityctl", "numa-migrate"]
RESERVED_NAMES = {"job.json", "workload.tar", "cluster"}  # written after the extra files, or only for some guests
CONTAINER_PROGRAMS = ["integrity-workload", "many-processes"]  # static: they are all there is in their container


def add_file(tree, path):
    """Copies a file, with its mode, or a directory into the tree."""
    target = tree / path.resolve().name
    if not path.exists():
        raise Failure(f"{path} does not exist: it cannot be copied into the guest")
    if target.exists() or target.name in RESERVED_NAMES:
        raise Failure(f"{path}: the guest has a /job/{target.name} of its own: rename the file")
    if path.is_dir():
        shutil.copytree(path, target, symlinks=True)
    else:
        shutil.copy(path, target)


def write_job_disk(image, run_dir, job, build, binaries=(), extra_files=(), cluster=False):
    """Writes the ext4 image that the guest mounts at /job.

    job: the object that guest/main.py reads. binaries: names in the build's bin/ that must exist, in addition to the products.
    extra_files: files and directories to copy to /job. cluster: whether to add the image and the manifests that a cluster
    hands to a node.
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
        add_file(tree, path)
    write_image(tree / "workload.tar",
                [bin_dir / name for name in CONTAINER_PROGRAMS if (bin_dir / name).exists()])
    (tree / "job.json").write_text(json.dumps(job))
    image.unlink(missing_ok=True)
    write_ext4(tree, image, spare_mib=8)
    shutil.rmtree(tree)
