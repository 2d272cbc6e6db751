"""The guest's images: two Debian kernels, one Debian root file system. Nothing is installed on the host."""

import os
import pathlib
import platform
import shutil

from host import apt
from host.cache import cached
from host.failure import Failure, run
from host.initramfs import write_initramfs

HERE = pathlib.Path(__file__).resolve().parent
INIT = HERE.parent / "guest" / "initramfs_init.sh"

# Debian 12's own kernel, and the newest one that its security suite maintains beside it.
KERNELS = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}

ROOT_PACKAGES = [
    "busybox-static", "iproute2", "kmod", "procps", "util-linux", "numactl", "strace",
    "systemd-sysv", "dbus",  # for guests with systemd as PID 1
    "containerd", "runc", "python3-minimal", "python3-grpcio", "python3-protobuf",
    # What the project's binaries link, sanitizer builds included.
    "libnuma1", "libgrpc++1.51", "libprotobuf32", "libabsl20220623", "libspdlog1.10", "libfmt9",
    "libyaml-cpp0.7", "libprometheus-cpp-core1.0",
    "libasan8", "libubsan1", "libtsan2",
]

# Files of packages that are not installed, as their services would run.
UNPACKED = {"apparmor": ["sbin/apparmor_parser", "usr/share/apparmor-features", "etc/apparmor", "etc/apparmor.d/abi",
                         "etc/apparmor.d/abstractions", "etc/apparmor.d/tunables"]}

# mmdebstrap mounts /proc, /sys and more below the tree. In namespaces of its own nothing of that is left, and nothing
# runs on, when the build is killed; without, the next clean-up would walk into the host's /proc.
CONTAINED = ["setpriv", "--pdeathsig", "KILL",
             "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]


def image_dir(cache_dir, log=print):
    """The directory with root.img, vmlinuz-RELEASE and initrd-RELEASE; builds it if its inputs changed."""
    kernels = dict(zip(KERNELS, apt.kernel_packages(list(KERNELS.values()))))
    inputs = {
        "versions": apt.candidate_versions([*kernels.values(), *ROOT_PACKAGES, *UNPACKED]),
        "scripts": {path.name: path.read_text()
                    for path in (HERE / "images.py", HERE / "initramfs.py", INIT)},
    }
    return cached(cache_dir, "images", inputs, lambda directory: _build(directory, kernels, log))


def _build(directory, kernels, log):
    if os.geteuid() != 0 or platform.machine() != "x86_64":
        raise Failure("building the guest's images needs root (for mmdebstrap's chroot) on an x86-64 host")
    work = directory / "work"
    work.mkdir()
    root = work / "root"
    log("guest images: root file system (mmdebstrap)")
    (work / "sources.list").write_text(apt.debian_sources())
    (work / "proxy.conf").write_text(apt.proxy_settings())
    run([*CONTAINED, "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(ROOT_PACKAGES)}",
         f"--aptopt={work / 'proxy.conf'}", "bookworm", root, work / "sources.list"])
    (root / "job").mkdir()
    # mmdebstrap copies some of the host's own names and gives no hosts file; containerd needs one.
    (root / "etc/hostname").write_text("numavm\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost numavm\n")
    (root / "etc/resolv.conf").write_text("")
    for package, paths in UNPACKED.items():
        _add_files(work, root, package, paths)
    for release, package in kernels.items():
        log(f"guest images: kernel {package}")
        _add_kernel(directory, work, root, release, package)
    log("guest images: disk (mke2fs)")
    versions = run(["chroot", root, "dpkg-query", "-W"])
    (directory / "packages.txt").write_text(versions + "".join(
        f"{package} (unpacked only)\n" for package in [*UNPACKED, *kernels.values()]))
    write_ext4(root, directory / "root.img", spare_mib=512)
    shutil.rmtree(work)


def _add_files(work, root, package, paths):
    unpacked = work / package
    run(["dpkg-deb", "-x", apt.download(package, work), unpacked])
    for path in paths:
        target = root / path
        if (unpacked / path).is_dir():
            shutil.copytree(unpacked / path, target)
        else:
            shutil.copy(unpacked / path, target)


def _add_kernel(directory, work, root, release, package):
    unpacked = work / package
    run(["dpkg-deb", "-x", apt.download(package, work), unpacked])
    version = package.removeprefix("linux-image-")
    modules_dir = root / "usr/lib/modules" / version
    shutil.copytree(unpacked / "lib/modules" / version, modules_dir)
    run(["chroot", root, "depmod", version])
    shutil.copy(unpacked / f"boot/vmlinuz-{version}", directory / f"vmlinuz-{release}")
    write_initramfs(directory / f"initrd-{release}", root, modules_dir, INIT, work)


def write_ext4(tree, image, spare_mib):
    """An ext4 image of a directory, made without mounting anything."""
    used_kib = int(run(["du", "-sk", "--apparent-size", tree]).split()[0])
    inodes = sum(len(names) + len(dirs) for _, dirs, names in os.walk(tree))
    # 1.1: block rounding and metadata. The file is sparse: spare space costs nothing.
    run(["mke2fs", "-q", "-t", "ext4", "-d", tree, "-E", "root_owner=0:0", "-N", str(inodes + 8192),
         "-m", "0", image, f"{int(used_kib * 1.1) + spare_mib * 1024}k"])
