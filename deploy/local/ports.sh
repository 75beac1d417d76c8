# shellcheck shell=bash
# Questions to TCP ports of this machine, with nothing but bash and the kernel's own tables. Sourced.

# port_in_use PORT: does anything listen there, on whichever address? Read from the kernel's tables rather than tried
# with a connection, which would miss a listener on another address and disturb the one it finds.
port_in_use() {
    local wanted address state
    printf -v wanted '%04X' "$1"
    while read -r _ address _ state _; do
        [[ $state == 0A && ${address##*:} == "$wanted" ]] && return 0 # 0A: LISTEN
    done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    return 1
}

# http_ok PORT PATH: does GET PATH on the loopback address answer 200?
http_ok() {
    (
        exec {connection}<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&"$connection"
        read -r -t 2 -u "$connection" _ status _ && [[ $status == 200 ]]
    ) 2>/dev/null
}
