#!/bin/bash
# Packages the Helm chart as numa-locality-agent-VERSION.tgz. Unlike 'helm package', which stores the time of packaging, the
# same files give the same archive, bit for bit.
#   deploy/package-chart.sh [OUTPUT]          into the directory OUTPUT, build/chart by default
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
chart=numa-locality-agent
output=${1:-build/chart}
version=$(sed -n 's/^version: //p' "$top/helm/$chart/Chart.yaml")
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)}

mkdir -p "$output"
archive=$output/$chart-$version.tgz
# Files that .helmignore names are left out.
tar --create --directory "$top/helm" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner \
  --mode=u+rw,go=rX --mtime="@$epoch" --exclude-from=<(sed 's,/$,,' "$top/helm/$chart/.helmignore") "$chart" |
  gzip --no-name -9 >"$archive.new"
mv "$archive.new" "$archive"
echo "$archive"
