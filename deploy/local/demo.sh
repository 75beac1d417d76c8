#!/usr/bin/env bash
# `make demo`: builds everything, starts the shop twice and the edge in front of it, and ends all of it at one Ctrl-C.
# Everything it writes is in state/ and in cargo's target folder.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."

log_dir=state/log
run_dir=state/run
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"
# shellcheck source=deploy/local/ports.sh
source "$here/ports.sh"
# shellcheck source=deploy/local/supervise.sh
source "$here/supervise.sh"
# shellcheck source=deploy/local/build.sh
source "$here/build.sh"

# Who listens where: config/edge.yaml and launch() below.
declare -A port=([edge plain]=8080 [edge TLS]=8443 [shop-1]=9101 [shop-2]=9102 [pay-simulator]=9190 [edge admin]=9901)
shops=(shop-1 shop-2 pay-simulator)

check_ports() {
    local user
    for user in "${!port[@]}"; do
        if port_in_use "${port[$user]}"; then
            fail "port ${port[$user]} is in use, the demo's $user needs it;" \
                "hint: \`ss -ltnp 'sport = :${port[$user]}'\` as root names the program, end it and try again"
        fi
    done
}

prepare_state() {
    say "making a development certificate and a token, and seeding the shop"
    "$edge" dev-certificate --out state/tls
    # What the edge's admin listener asks for; one that is there stays.
    if [[ ! -s state/secrets/admin-token ]]; then
        mkdir -p state/secrets
        (umask 077 && head -c 24 /dev/urandom | base64 >state/secrets/admin-token)
    fi
    "$shop_origin" seed --state state/shop
}

# launch NAME: starts one program of the demo.
launch() {
    case $1 in
        edge)
            start edge "$edge" run --pid-file "$run_dir/edge.pid" config/edge.yaml
            ;;
        pay-simulator)
            start pay-simulator "$shop_origin" pay-simulator --listen "127.0.0.1:${port[pay-simulator]}" \
                --secret-file state/shop/pay.key \
                --webhook "http://127.0.0.1:${port[shop-1]}/payment/webhook/simulator" \
                --webhook "http://127.0.0.1:${port[shop-2]}/payment/webhook/simulator"
            ;;
        shop-*)
            start "$1" "$shop_origin" serve --state state/shop --listen "127.0.0.1:${port[$1]}" \
                --public-url "https://localhost:${port[edge TLS]}" \
                --payment-provider "http://127.0.0.1:${port[pay-simulator]}"
            ;;
    esac
}

bring_up() {
    local name
    say "starting"
    for name in "${shops[@]}"; do
        launch "$name"
    done
    await_ready pay-simulator 30 port_in_use "${port[pay-simulator]}"
    await_ready shop-1 30 http_ok "${port[shop-1]}" /healthz
    await_ready shop-2 30 http_ok "${port[shop-2]}" /healthz
    launch edge
    await_ready edge 30 http_ok "${port[edge admin]}" /readyz
}

explain() {
    cat <<END

  The shop is open:  https://localhost:${port[edge TLS]}/
  The browser warns about the certificate unless it trusts state/tls/ca.pem.
  Demo account:      demo@example.com, password: open sesame
  Metrics:           http://127.0.0.1:${port[edge admin]}/metrics
  Logs:              $log_dir/{edge,shop-1,shop-2,pay-simulator}.log

  To try, in another terminal in $PWD:

  1. Twice, and Cache-Status says first a miss, then a hit:
     curl -sS --cacert state/tls/ca.pem -o /dev/null -D - https://localhost:${port[edge TLS]}/

  2. 200 requests a second for 20 seconds:
     $loadtest run --target https://localhost:${port[edge TLS]} --ca state/tls/ca.pem --scenario smoke --rate 200 --duration 20s

  3. Meanwhile, kill one of the two shops (it is started again after $revive_after s), or change the edge's
     configuration under traffic:
     kill -9 \$(cat $run_dir/shop-2.pid)
     \${EDITOR:-vi} config/edge.yaml && kill -HUP \$(cat $run_dir/edge.pid)
     $edge rollback config/edge.yaml

  4. What would happen to a request now, and why, without sending it:
     $edge explain --live config/edge.yaml https://localhost:${port[edge TLS]}/product/10001

  Ctrl-C ends everything.

END
}

# How a supervisor would treat a shop: some seconds after its death it is started again, unless that keeps failing.
revive_after=5
deaths_in_a_row_max=3

# watch: returns when the edge has ended, or when another program ends again and again.
watch() {
    local deaths_in_a_row=0 last_death=$SECONDS
    while :; do
        until a_child_ended; do
            snooze 0.2
        done
        [[ $ended_how == *SIGKILL ]] || show_log "$ended_name"
        [[ $ended_name != edge ]] || return 0

        ((SECONDS - last_death < 2 * revive_after)) || deaths_in_a_row=0
        last_death=$SECONDS
        ((++deaths_in_a_row <= deaths_in_a_row_max)) || return 0

        local name=$ended_name
        say "$name $ended_how and is started again in $revive_after s"
        snooze "$revive_after"
        launch "$name"
    done
}

# shellcheck disable=SC2317 # called by the trap
end_all() {
    local status=$? pid
    set +e
    trap - EXIT
    say "ending the edge, then the shops"
    stop 35 edge # drain_timeout of config/edge.yaml, and some
    stop 10 "${shops[@]}"
    for pid in $(jobs -pr); do
        kill -KILL "$pid" # a signal came between its start and the note of it
    done
    say "everything has ended"
    exit "$status"
}

[[ -f Cargo.toml && -f config/edge.yaml ]] || fail "$PWD is not the repository; hint: run make demo in its root folder"
"$here/require.sh"
check_ports
mkdir -p "$log_dir" "$run_dir" || fail "cannot write in $PWD/state"
build
check_ports # once more: building takes long enough for somebody else to come
rm -f "$log_dir"/*.log
prepare_state

trap end_all EXIT
trap 'exit_wanted=129' HUP
trap 'exit_wanted=130' INT
trap 'exit_wanted=143' TERM
bring_up
trap 'exit_wanted=0' INT TERM # from here on this is how the demo ends
explain
# Standard error: bash's own remark on each killed child, which watch() puts better.
watch 2>/dev/null
fail "$ended_name $ended_how, the demo ends"
