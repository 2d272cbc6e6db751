"""A minimal initramfs: busybox, the modules needed to see the disks, and a script."""

import lzma
import shutil
import subprocess

from host.failure import Failure

# What it takes to mount the root disk. Each kernel builds some of these in and others as modules.
WANTED = ["virtio_pci", "virtio_blk", "ext4"]


def modules_in_order(modules_dir, wanted=WANTED):
    """Paths below modules_dir, each after those it depends on, without built-in ones.

    modules_dir is /lib/modules/VERSION after depmod. Raises Failure on a module the kernel does not have.
    """
    def name(path):
        return path.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_")

    builtin = {name(line) for line in (modules_dir / "modules.builtin").read_text().split()}
    needs = {}
    path_of = {}
    for line in (modules_dir / "modules.dep").read_text().splitlines():
        path, _, dependencies = line.partition(":")
        path_of[name(path)] = path
        needs[name(path)] = [name(dependency) for dependency in dependencies.split()]

    ordered = []

    def add(module):
        if module in builtin or path_of.get(module) in ordered:
            return
        if module not in path_of:
            raise Failure(f"{modules_dir} has no module {module}, built in or not")
        for dependency in needs[module]:
            add(dependency)
        ordered.append(path_of[module])

    for module in wanted:
        add(module)
    return ordered


def write_initramfs(output, root, modules_dir, init_script, work_dir):
    """Packs busybox from the guest's root, the modules and init_script into the cpio archive `output`."""
    tree = work_dir / "initramfs"
    if tree.exists():
        shutil.rmtree(tree)
    for directory in ("bin", "dev", "proc", "sys", "root", "modules"):
        (tree / directory).mkdir(parents=True)
    shutil.copy(root / "usr/bin/busybox", tree / "bin/busybox")
    shutil.copy(init_script, tree / "init")
    (tree / "init").chmod(0o755)
    for number, path in enumerate(modules_in_order(modules_dir)):
        data = (modules_dir / path).read_bytes()
        if path.endswith(".xz"):
            data = lzma.decompress(data)  # busybox insmod takes plain modules only
        plain = path.rsplit("/", 1)[-1].removesuffix(".xz")
        (tree / "modules" / f"{number:02}-{plain}").write_bytes(data)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    with open(output, "wb") as file:
        subprocess.run([tree / "bin/busybox", "cpio", "-o", "-H", "newc"], cwd=tree,
                       input=names.encode(), stdout=file, stderr=subprocess.DEVNULL, check=True)
