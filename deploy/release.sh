#!/bin/bash
# Makes a release from the current commit: builds the programs, the container image, its SPDX document and the chart, writes
# them with kubectl-numa and SHA256SUMS into build/release-VERSION, and creates the tag vVERSION. It pushes nothing.
#   deploy/release.sh [--dry-run]     --dry-run: only checks, and prints what it would do
# VERSION is project(VERSION) in CMakeLists.txt.
set -euo pipefail

dry_run=""
case "${1:-}" in
  "") ;;
  --dry-run) dry_run=yes ;;
  *) sed -n '2,5s/^# \?//p' "$0"; exit 1 ;;
esac
cd "$(dirname "$0")/.."

refuse() {  # refuse WHAT ADVICE
  printf 'release: %s\n         %s\n' "$1" "$2" >&2
  exit 1
}

version=$(deploy/version.py)
tag=v$version
output=build/release-$version

git rev-parse --git-dir >/dev/null 2>&1 || refuse "this is not a git checkout" "Run it in a clone of the repository."
[ -z "$(git status --porcelain)" ] ||
  refuse "the tree has changes that are not committed: $(git status --porcelain | head -3 | cut -c4- | paste -sd ' ')" \
    "Commit or remove them, so that the tag contains what is built."
deploy/version.py --check || refuse "not all files name version $version" "Run deploy/version.py --update, and commit."
heading=$(grep -m1 -F "## [$version]" CHANGELOG.md || true)
[ -n "$heading" ] ||
  refuse "CHANGELOG.md has no section for $version" "Add a section '## [$version] - $(date +%F)' with the changes since the last release."
[[ $heading =~ ^"## [$version] - "[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
  refuse "CHANGELOG.md has no date for $version: '$heading'" "Write '## [$version] - $(date +%F)', and commit."
if git rev-parse --quiet --verify "refs/tags/$tag" >/dev/null; then
  refuse "tag $tag exists already" "Set the next version in CMakeLists.txt, run deploy/version.py --update, and commit."
fi
[ ! -e "$output" ] || refuse "$output exists already" "Remove it, or move it elsewhere."
command -v umoci >/dev/null || refuse "umoci, which makes the image, is not installed" "Run deploy/install-packages.sh."

if [ -n "$dry_run" ]; then
  echo "Would build $(git rev-parse --short=12 HEAD) as version $version, write into $output:"
  echo "  numa-locality-agent.tar, numa-locality-agent.spdx.json, numa-locality-agent-$version.tgz, kubectl-numa, SHA256SUMS"
  echo "and create the tag $tag. Nothing was changed."
  exit 0
fi

cmake --preset release
cmake --build --preset release --target numa-locality-agent numa-locality-front localityctl numa-migrate
mkdir -p build
work=$(mktemp -d build/release-XXXXXX)
trap 'rm -rf "$work"' EXIT
deploy/build-image.sh --output "$work"
deploy/package-chart.sh "$work"
install -m 755 deploy/kubectl-numa "$work"
(cd "$work" && sha256sum -- * >SHA256SUMS)
# The tag is last: a build that fails leaves neither a tag nor a directory.
chmod 755 "$work"
mv "$work" "$output"
git tag --annotate "$tag" --message "numa-locality-agent $version"
echo "Release $version is in $output. Publish it with: git push origin $tag"
