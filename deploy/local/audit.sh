#!/usr/bin/env bash
# `make audit`: licences, bans and sources of every dependency, by deny.toml. Further arguments are cargo-deny's checks,
# such as `advisories`, which needs the network.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"

version=0.20.2
tools=$PWD/state/tools
PATH=$PATH:$tools/bin

if ! command -v cargo-deny >/dev/null; then
    say "building cargo-deny $version into state/tools (once, some minutes)"
    "$here/require.sh"
    cargo install --locked --root "$tools" --target-dir "$tools/target" "cargo-deny@$version" ||
        fail "cargo-deny could not be built; hint: cargo install --locked cargo-deny"
    rm -rf "$tools/target"
fi

if (($# == 0)); then
    set -- licenses bans sources
fi
exec cargo-deny --workspace --all-features check "$@"
