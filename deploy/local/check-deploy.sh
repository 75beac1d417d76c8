#!/usr/bin/env bash
# The files of deploy/, each checked by the tool of its own world where that is installed. Part of `make test`.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"

installed() {
    command -v "$1" >/dev/null && return
    say "skipped: $1 is not installed"
    return 1
}

# The unit files name programs and users of a server: the check runs against copies that name this machine's.
check_units() {
    local copies unit bad=0
    copies=$(mktemp -d)
    for unit in deploy/systemd/*.service; do
        sed -E 's#/usr/local/bin/(edge|shop-origin|loadtest)#/bin/true#' "$unit" >"$copies/${unit##*/}"
    done
    systemd-analyze verify --man=no "$copies"/*.service || bad=1
    rm -rf "$copies"
    return "$bad"
}

# One toolchain for the workspace and for what is shipped.
check_pinned_rust() {
    local pinned file
    pinned=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
    for file in deploy/container/*.Containerfile; do
        grep -q "rust:$pinned-" "$file" || fail "$file does not build with rust $pinned of rust-toolchain.toml"
    done
}

for script in deploy/local/*.sh .ci/run; do
    bash -n "$script"
done
check_pinned_rust
! installed shellcheck || shellcheck -x deploy/local/*.sh .ci/run
! installed systemd-analyze || check_units
if installed promtool; then
    promtool check config deploy/prometheus/prometheus.yml
    promtool test rules deploy/prometheus/alerts_test.yml
fi
! installed hadolint || hadolint deploy/container/*.Containerfile
