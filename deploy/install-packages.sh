#!/bin/sh
# Installs the Debian 12 packages that building and testing need. Installs only missing packages, and lists them.
#   deploy/install-packages.sh          all packages
#   deploy/install-packages.sh build    only those that building the four programs and their image needs
set -eu

case "${1:-}" in
  "" | build) ;;
  *) sed -n '2,4s/^# \?//p' "$0"; exit 1 ;;
esac

build="cmake g++ ninja-build ccache pkg-config python3
  libgrpc++-dev libssl-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev libnuma-dev
  libgtest-dev libgmock-dev libcli11-dev libspdlog-dev
  libyaml-cpp-dev prometheus-cpp-dev nlohmann-json3-dev
  nginx umoci"
machine="qemu-system-x86 mmdebstrap e2fsprogs busybox-static xz-utils openssl"
checks="clang-format clang clang-tidy python3-yaml python3-grpcio python3-protobuf libseccomp2"

[ "${1:-}" = build ] && wanted=$build || wanted="$build $machine $checks"
missing=""
for package in $wanted; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
# Debian's npm, unless another npm is installed already: the two conflict.
[ "${1:-}" = build ] || command -v npm >/dev/null || missing="$missing npm"

if [ -z "$missing" ]; then
  echo "packages: everything needed is installed"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "packages: missing:$missing" >&2
  echo "Run this script as root or with sudo, or install them by hand." >&2
  exit 1
fi
echo "packages: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# Only the program nginx is needed: its service must start neither now nor at the next boot.
case "$missing " in
  *" nginx "*)
    mkdir -p /etc/systemd/system
    [ -e /etc/systemd/system/nginx.service ] || ln -s /dev/null /etc/systemd/system/nginx.service
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod +x /usr/sbin/policy-rc.d
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi ;;
esac
apt-get update -q=2
# shellcheck disable=SC2086  # a list of words
apt-get install -q=2 --no-install-recommends $missing >/dev/null
