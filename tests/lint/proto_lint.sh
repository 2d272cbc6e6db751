#!/bin/sh
# buf's lint of the API: proto_lint.sh PROTO_DIR INSTALL_DIR. buf is installed once, below INSTALL_DIR.
set -eu
buf_version=1.50.0 # names its own platform packages with their exact versions
install_dir=$2/buf-$buf_version
if [ ! -x "$install_dir/node_modules/.bin/buf" ]; then
  mkdir -p "$install_dir"
  npm install --prefix "$install_dir" --no-audit --no-fund --loglevel=error "@bufbuild/buf@$buf_version"
fi
cd "$1"
exec "$install_dir/node_modules/.bin/buf" lint
