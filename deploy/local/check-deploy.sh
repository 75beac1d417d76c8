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

# The units name programs that a server has: the check is of copies that name one every machine has.
check_units() {
    local copies unit said
    copies=$(mktemp -d)
    for unit in deploy/systemd/*.service; do
        sed -E 's#/usr/local/bin/(edge|shop-origin|loadtest)#/bin/true#' "$unit" >"$copies/${unit##*/}"
    done
    # It warns of an unknown key and yet exits with 0: silence alone is a pass.
    said=$(systemd-analyze verify --man=no "$copies"/*.service 2>&1 | grep floodgate) || true
    rm -rf "$copies"
    [[ -z $said ]] || fail "systemd-analyze verify: $said"
}

# One toolchain for the workspace and for what is shipped.
check_pinned_rust() {
    local pinned file
    pinned=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
    for file in deploy/container/*.Containerfile; do
        grep -q "rust:$pinned-" "$file" || fail "$file does not build with rust $pinned of rust-toolchain.toml"
    done
}

# An alert on a metric that does not exist never fires, and a panel stays empty. A histogram is asked for by its parts.
check_metric_names() {
    local file name names
    for file in deploy/prometheus/alerts.yml deploy/prometheus/*.dashboard.json; do
        mapfile -t names < <(grep -oh 'floodgate_[a-z_]*' "$file" | sed -E 's/_(bucket|sum|count)$//' | sort -u)
        for name in "${names[@]}"; do
            grep -rq "\"${name#floodgate_}\"" proxy/src/telemetry || fail "$file asks for $name, which the edge has not"
        done
    done
}

for script in deploy/local/*.sh .ci/run; do
    bash -n "$script"
done
check_pinned_rust
check_metric_names
! installed shellcheck || shellcheck -x deploy/local/*.sh .ci/run
! installed systemd-analyze || check_units
if installed promtool; then
    promtool check config deploy/prometheus/prometheus.yml
    promtool test rules deploy/prometheus/*_test.yml
fi
! installed jq || jq -e '.panels | length > 0' deploy/prometheus/*.dashboard.json >/dev/null
! installed hadolint || hadolint deploy/container/*.Containerfile
