#!/bin/bash
# Makes the container image from a build tree, without Docker and without a registry: an OCI archive for
# `ctr -n k8s.io images import` or `skopeo copy oci-archive:...`, and the SPDX document of its content.
#   deploy/build-image.sh [--build build/release] [--output build/image]
# The same programs and libraries give the same archive, bit for bit.
set -euo pipefail

build=build/release
output=build/image
while [ $# -gt 0 ]; do
  case "$1" in
    --build) build=${2:?--build needs a directory}; shift 2 ;;
    --output) output=${2:?--output needs a directory}; shift 2 ;;
    *) sed -n '2,5s/^# \?//p' "$0"; exit 1 ;;
  esac
done
top=$(cd "$(dirname "$0")/.." && pwd)
most_mb=40

command -v umoci >/dev/null || { echo "build-image: umoci is not installed: run deploy/install-packages.sh" >&2; exit 1; }
agent=$build/bin/numa-locality-agent
[ -x "$agent" ] || { echo "build-image: $agent does not exist: build it first (cmake --build --preset release)" >&2; exit 1; }

full_version=$("$agent" --version)  # "0.1.0 (commit 0123456789ab)"
version=${full_version%% *}
revision=$(sed -n 's/.*(commit \(.*\))/\1/p' <<<"$full_version")
name=localhost/numa-locality-agent:$version
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)}
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
architecture=$(dpkg --print-architecture)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$top/deploy/image_root.py" --bin "$build/bin" --output "$work/root"

pack() {  # pack DIRECTORY TAR: the same directory gives the same archive
  tar --create --file "$2" --directory "$1" --format=posix --sort=name --owner=0 --group=0 --numeric-owner \
    --mode=u+rw,go=rX --mtime="@$SOURCE_DATE_EPOCH" --pax-option=delete=atime,delete=ctime .
}

umoci init --layout "$work/image"
umoci new --image "$work/image:$version"
# Its user is root. The capabilities that the pod grants decide what the agent can do.
history=(--history.created "$created" --history.created_by deploy/build-image.sh)
umoci config --image "$work/image:$version" --created "$created" "${history[@]}" \
  --os linux --architecture "$architecture" --config.user 0:0 --config.workingdir / \
  --config.entrypoint /usr/bin/numa-locality-agent --config.env PATH=/usr/bin \
  --config.label "org.opencontainers.image.title=numa-locality-agent" \
  --config.label "org.opencontainers.image.description=Moves the memory of re-pinned containers to the NUMA nodes of their CPUs" \
  --config.label "org.opencontainers.image.version=$version" \
  --config.label "org.opencontainers.image.revision=$revision" \
  --config.label "org.opencontainers.image.created=$created" \
  --config.label "org.opencontainers.image.licenses=Apache-2.0"
pack "$work/root" "$work/layer.tar"
umoci raw add-layer --image "$work/image:$version" "${history[@]}" "$work/layer.tar"
umoci gc --layout "$work/image"
python3 - "$work/image/index.json" "$name" "$version" <<'EOF'
import json, sys
path, name, version = sys.argv[1:]
index = json.load(open(path))
index["manifests"][0]["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": version}
json.dump(index, open(path, "w"), sort_keys=True)
EOF

mkdir -p "$output"
archive=$output/numa-locality-agent.tar
pack "$work/image" "$archive.new"
mv "$archive.new" "$archive"
cp "$work/root/usr/share/sbom/numa-locality-agent.spdx.json" "$output/"

bytes=$(stat -c %s "$archive")
digest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$work/image/index.json")
printf '%s\n%s\n%s, %d.%d MB compressed\n' "$name" "$digest" "$archive" $((bytes / 1000000)) $((bytes / 100000 % 10))
if [ "$bytes" -gt $((most_mb * 1000000)) ]; then
  echo "build-image: the image is larger than $most_mb MB" >&2
  exit 1
fi
