# shellcheck shell=bash
# Child processes of a script: started apart from the terminal, asked whether they live, ended. Sourced after say.sh.
: "${log_dir:?}" "${run_dir:?}"

declare -A child_pid=()

# Where the kernel can be told to end children whose parent was killed outright, it is.
with_parent=()
if setpriv --pdeathsig TERM true 2>/dev/null; then
    with_parent=(setpriv --pdeathsig TERM)
fi

# Exit code that a signal asked for. It is acted on at the next snooze rather than in the trap: bash blocks SIGCHLD while
# it reads, an exit from inside would keep it blocked, and no child would ever be seen to end.
exit_wanted=

# A closed terminal signals the leader of its session alone; where that is make, it does not pass the signal on.
has_terminal=false
[[ ! -t 0 ]] || has_terminal=true

# Never written to: reading it with a limit is a sleep that costs no process.
exec {silence}<> <(:)
snooze() {
    read -r -t "$1" -u "$silence" _ || true
    if $has_terminal && [[ ! -t 0 ]]; then
        has_terminal=false
        exit_wanted=129
    fi
    [[ -z $exit_wanted ]] || exit "$exit_wanted"
}

# start NAME COMMAND...: runs COMMAND in the background, its output appended to the log of that name.
start() {
    local name=$1
    shift
    # Job control gives the child a process group of its own: a Ctrl-C then reaches the script alone, which ends its
    # children in the right order.
    set -m
    "${with_parent[@]}" "$@" </dev/null >>"$log_dir/$name.log" 2>&1 &
    set +m
    child_pid[$name]=$!
    printf '%s\n' "$!" >"$run_dir/$name.pid"
}

alive() {
    [[ -n ${child_pid[$1]-} ]] && kill -0 "${child_pid[$1]}" 2>/dev/null
}

# has_successor NAME: has another process taken over from it, as its pid file says? Then that one counts from now on.
has_successor() {
    local pid
    pid=$(cat "$run_dir/$1.pid" 2>/dev/null) || return 1
    [[ $pid != "${child_pid[$1]}" ]] && kill -0 "$pid" 2>/dev/null && child_pid[$1]=$pid
}

# a_child_ended: has one ended that nobody stopped? Then ended_name and ended_how say which and how, once.
a_child_ended() {
    local name status
    for name in "${!child_pid[@]}"; do
        { alive "$name" || has_successor "$name"; } && continue
        status=0
        wait "${child_pid[$name]}" || status=$?
        ended_name=$name
        ended_how="ended with exit code $status"
        ((status > 128)) && ended_how="was ended by SIG$(kill -l "$status")"
        unset "child_pid[$name]"
        return 0
    done
    return 1
}

# show_log NAME: its last lines, set off from the script's own.
show_log() {
    printf 'the end of %s:\n' "$log_dir/$1.log"
    tail -n 15 "$log_dir/$1.log" | sed 's/^/  | /'
}

# await_ready NAME SECONDS COMMAND...: polls until COMMAND succeeds. Gives up when the time has passed or any child
# has ended, and shows the log that matters.
await_ready() {
    local name=$1 deadline=$((SECONDS + $2)) limit=$2
    shift 2
    until "$@"; do
        if a_child_ended; then
            show_log "$ended_name"
            fail "$ended_name $ended_how while $name was starting"
        elif ((SECONDS >= deadline)); then
            show_log "$name"
            fail "$name was not ready after $limit s"
        fi
        snooze 0.2
    done
}

# stop SECONDS NAME...: asks all of them to end, waits at most so long in all, kills what is left. A signal in the
# meantime ends the wait.
stop() {
    local deadline=$((SECONDS + $1)) name
    shift
    exit_wanted=
    trap 'deadline=0' INT TERM HUP
    for name in "$@"; do
        alive "$name" && kill -TERM "${child_pid[$name]}" 2>/dev/null
    done
    for name in "$@"; do
        while alive "$name" && ((SECONDS < deadline)); do
            snooze 0.1
        done
        if alive "$name"; then
            say "$name has not ended in time and is killed"
            kill -KILL "${child_pid[$name]}"
            wait "${child_pid[$name]}"
        fi 2>/dev/null
        rm -f "$run_dir/$name.pid"
    done
}
