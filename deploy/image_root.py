#!/usr/bin/python3
"""Gathers the root file system of the container image: our programs, nginx, the libraries that they load, and their licences.

  deploy/image_root.py --bin build/release/bin --output DIR    run it on the Debian machine that linked the programs;
                                                               DIR must not exist

The image has no shell and no package manager. DIR/usr/share/sbom contains the SPDX document. From var/lib/dpkg/status.d
image scanners read which Debian packages the libraries belong to. The same inputs give the same files: all times are
SOURCE_DATE_EPOCH.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[1]
NAME = "numa-locality-agent"
PROGRAMS = ["numa-locality-agent", "numa-locality-front", "localityctl", "numa-migrate"]
DEBIAN_PROGRAMS = ["/usr/sbin/nginx"]
SBOM = f"usr/share/sbom/{NAME}.spdx.json"
# Debian packages whose headers are compiled into the programs: the image contains their licences and versions too.
COMPILED_IN = ["libcli11-dev", "nlohmann-json3-dev"]
# No NSS libraries are needed: glibc itself contains the code that looks up hosts in files and DNS.
FILES = {
    "etc/passwd": "root:x:0:0:root:/:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def output_of(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def libraries(programs):
    """{path that the loader opens: file} of all libraries that the programs load, including the loader itself."""
    found = {}
    for program in programs:
        for line in output_of("ldd", program).splitlines():
            match = re.fullmatch(r"\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)", line)
            if match:
                found[match.group(1)] = pathlib.Path(match.group(1)).resolve()
            elif "not found" in line:
                sys.exit(f"image_root: {program}: {line.strip()}: install the package of this library")
    return found


def packages_of(found):
    """{path: Debian package} of libraries. dpkg knows each file by its path in the package, with or without /usr."""
    names = {path: {name for one in (path, str(file)) for name in (one, one.replace("/usr/", "/", 1))}
             for path, file in found.items()}
    asked = sorted(set().union(*names.values()))
    known = subprocess.run(["dpkg-query", "--search", *asked], text=True, capture_output=True, check=False).stdout
    owners = {path: package for package, path in (line.split(": ", 1) for line in known.splitlines())}
    packages = {path: owners[name] for path, several in names.items() for name in several if name in owners}
    if missing := found.keys() - packages.keys():
        sys.exit("image_root: these files belong to no Debian package, so the SPDX document cannot list them: "
                 f"{' '.join(sorted(missing))}: link with Debian's libraries instead")
    return packages


def describe(package):
    """{field: value} of an installed package."""
    fields = ["Package", "Version", "Architecture", "source:Package", "source:Version"]
    values = output_of("dpkg-query", "--show", "--showformat", "\\n".join(f"${{{field}}}" for field in fields), package)
    return dict(zip(fields, values.splitlines()))


def place(root, path, source, mode):
    """Copies a file to `path` in a tree in which /lib and /lib64 are inside /usr, as in Debian."""
    target = root / re.sub(r"^/(lib|lib64)/", r"/usr/\1/", path).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)
    return target


def gather(root, bin_dir):
    """Fills the tree, and returns the descriptions of its packages."""
    root.mkdir(parents=True)
    for program in PROGRAMS:
        target = place(root, f"/usr/bin/{program}", bin_dir / program, 0o755)
        subprocess.run(["strip", "--strip-unneeded", target], check=True)
    found = libraries([*(bin_dir / program for program in PROGRAMS), *DEBIAN_PROGRAMS])
    found |= {program: pathlib.Path(program) for program in DEBIAN_PROGRAMS}
    for path, file in found.items():
        place(root, path, file, 0o755)
    packages = {package: describe(package) for package in sorted(set(packages_of(found).values()))}
    for name in ("lib", "lib64"):
        if (root / "usr" / name).is_dir():
            (root / name).symlink_to(f"usr/{name}")
    (root / "run").mkdir()
    for path, text in FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    place(root, "/etc/os-release", "/usr/lib/os-release", 0o644)
    place(root, f"/usr/share/doc/{NAME}/LICENSE", TOP / "LICENSE", 0o644)
    for name in (*COMPILED_IN, *(about["Package"] for about in packages.values())):
        place(root, f"/usr/share/doc/{name}/copyright", f"/usr/share/doc/{name}/copyright", 0o644)
    for package, about in packages.items():
        name = about["Package"]
        status = root / "var/lib/dpkg/status.d" / name
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(output_of("dpkg-query", "--status", package))
    return [*packages.values(), *map(describe, COMPILED_IN)]


def spdx(packages, version, epoch):
    """Returns the SPDX 2.3 document of the image (spdx.github.io/spdx-spec/v2.3)."""
    def entry(name, found_version, supplier, license_declared, purl):
        return {"SPDXID": f"SPDXRef-Package-{re.sub('[^A-Za-z0-9.-]', '-', name)}", "name": name, "versionInfo": found_version,
                "supplier": supplier, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
                "licenseConcluded": "NOASSERTION", "licenseDeclared": license_declared, "copyrightText": "NOASSERTION",
                "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]}

    def debian(about):
        quoted = {key: urllib.parse.quote(value, safe="") for key, value in about.items()}
        return entry(about["Package"], about["Version"], "Organization: Debian", "NOASSERTION",
                     f"pkg:deb/debian/{quoted['Package']}@{quoted['Version']}?arch={quoted['Architecture']}&distro=debian-12")

    own = entry(NAME, version, "NOASSERTION", "Apache-2.0", f"pkg:generic/{NAME}@{urllib.parse.quote(version, safe='')}")
    others = [debian(about) for about in sorted(packages, key=lambda about: about["Package"])]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"])]
    relations += [(own["SPDXID"], "DEPENDS_ON", other["SPDXID"]) for other in others]
    digest = hashlib.sha256(json.dumps([own, others]).encode()).hexdigest()[:32]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": NAME,
        "documentNamespace": f"https://spdx.org/spdxdocs/{NAME}-{digest}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
                         "creators": ["Tool: deploy/image_root.py"]},
        "packages": [own, *others],
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                          for one, kind, other in relations],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, metavar="DIR", help="directory of the programs")
    parser.add_argument("--output", type=pathlib.Path, required=True, metavar="DIR", help="directory to create")
    options = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    version = output_of(options.bin / NAME, "--version").strip()
    packages = gather(options.output, options.bin)
    sbom = options.output / SBOM
    sbom.parent.mkdir(parents=True)
    sbom.write_text(json.dumps(spdx(packages, version, epoch), indent=1) + "\n")
    for path in (options.output, *options.output.rglob("*")):
        os.utime(path, (epoch, epoch), follow_symlinks=False)


if __name__ == "__main__":
    main()
