#!/usr/bin/env bash
# `make test`: every check that a change has to pass, the quick ones first, each with its time.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

times=()

# step NAME COMMAND...
step() {
    local name=$1 began=$SECONDS
    shift
    say "== $name: $*"
    "$@" || fail "$name failed after $((SECONDS - began)) s: $*"
    times+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
}

step tools deploy/local/require.sh
step deploy deploy/local/check-deploy.sh
step format cargo fmt --all --check
# Lints and docs read the dependencies' metadata, build and tests link their code: each kind is compiled once, because
# every selection of targets here includes some that want the dev-dependencies, and so turns on the same features. The
# build leaves the programs where the end-to-end test finds them.
step lints cargo clippy --workspace --all-targets --locked -- -D warnings
step docs env RUSTDOCFLAGS="-D warnings" \
    cargo doc --workspace --lib --bins --examples --no-deps --document-private-items --locked
step build cargo build --workspace --all-targets --locked
step tests cargo test --workspace --locked

say "all checks passed"
printf '%s\n' "${times[@]}"
printf '%5d s  in all, on %s cores\n' "$SECONDS" "$(nproc)"
