"""The host's apt: versions, kernel packages, Debian's sources."""

import re

from host.failure import Failure, run


def candidate_versions(packages):
    """{package: version apt would install}; Failure names the first one that apt does not know."""
    versions = dict(re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (.*)$",
                               run(["apt-cache", "policy", *packages]), re.MULTILINE))
    for package in packages:
        if versions.get(package, "(none)") == "(none)":
            raise Failure(f"apt has no candidate for {package}: run apt-get update on Debian 12 "
                          "with its main and security sources")
    return versions


def kernel_packages(metas):
    """The versioned image packages that meta packages such as linux-image-cloud-amd64 depend on now, in order."""
    found = re.findall(r"Depends: (linux-image-\S+)", run(["apt-cache", "depends", *metas]))
    if len(found) != len(metas):
        raise Failure(f"apt-cache depends {' '.join(metas)} names these kernels: {found}; run apt-get update")
    return found


def download(package, directory):
    """Fetches one .deb into the directory, installs nothing, returns its path."""
    run(["apt-get", "download", "-q", package], cwd=directory)
    return next(directory.glob(f"{package}_*.deb"))


def debian_sources():
    """Debian's own entries of the host's sources, as sources.list text; third-party ones stay out of the guest."""
    lines = run(["apt-get", "indextargets",
                 "--format", "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
                 "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                 "Created-By: Packages", "Origin: Debian"]).splitlines()
    if not lines:
        raise Failure("apt-get indextargets lists no Debian source: run apt-get update")
    return "\n".join(sorted(set(lines))) + "\n"


def proxy_settings():
    """The host's apt proxy lines, for mmdebstrap's own apt; often empty."""
    return "".join(line + "\n" for line in run(["apt-config", "dump"]).splitlines()
                   if re.search(r"proxy", line, re.IGNORECASE))
