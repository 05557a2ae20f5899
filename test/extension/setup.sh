#!/usr/bin/env bash
# Everything the workbench tests need besides the project's own `npm ci`. Safe to run again.
# No compiler, no -dev packages, no install scripts: the same as root or as a user with sudo.
# The server (540 MB) is kept in a cache outside the checkout, so that a fresh clone gets it at once.
set -euo pipefail
cd "$(dirname "$0")/vscode-host"

if [ -z "${VOCO_CHROMIUM:-}" ] && ! command -v chromium >/dev/null; then
  as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
fi

cache=${VOCO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/voco-e2e}
ready=$cache/vscode-host-$(cat package-lock.json stubs/*/* | sha256sum | cut -c1-16)
if [ ! -d "$ready" ]; then
  mkdir -p "$cache"
  tmp=$(mktemp -d "$cache/tmp.XXXXXX")
  trap 'rm -rf "$tmp"' EXIT
  cp -r package.json package-lock.json stubs "$tmp/"
  (cd "$tmp" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  # the browser half of VS Code asks for its modules under this path
  ln -s ../../.. "$tmp/node_modules/code-server/lib/vscode/node_modules"
  mv -T "$tmp" "$ready" 2>/dev/null || [ -d "$ready" ] # another run may have been first
fi
[ -L node_modules ] || rm -rf node_modules
ln -sfn "$ready/node_modules" node_modules
