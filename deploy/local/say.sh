# shellcheck shell=bash
# How the scripts speak: progress on standard output, the reason for giving up on standard error. Sourced.

say() {
    printf 'floodgate: %s\n' "$*"
}

# fail MESSAGE: one line that names the object and what to do about it, and the end of the script.
fail() {
    printf 'floodgate: error: %s\n' "$*" >&2
    exit 1
}
