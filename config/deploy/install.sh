#!/bin/sh
# Installs ds01 on a system without a package of it. Safe to run again: it is also how to upgrade. See docs/installing.md.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
config_source=$here/../runtime
docs_source=$here/../..
programs='ds01-detect ds01-workloads ds01-idle'
detector_timer=ds01-workload-detector.timer
ledger_timer=ds01-ledger.timer
timers="$detector_timer ds01-idle-checker.timer $ledger_timer"
sampler=ds01-gpu-sampler.service
metrics=ds01-metrics.service
services="ds01-workload-detector.service ds01-idle-checker.service ds01-notify.service ds01-ledger.service $metrics $sampler"
metrics_socket=ds01-metrics.socket
sockets=$metrics_socket
notify_path=ds01-notify.path
paths=$notify_path
examples_source=$here/../notify.d
profile_source=$here/../profile.d/ds01-notices.sh
prometheus_source=$here/../prometheus
grafana_source=$here/../grafana

say() { printf 'install.sh: %s\n' "$*"; }
warn() { say "$*" >&2; }
fail() { warn "$*"; exit 1; }

usage() {
    cat <<'TEXT'
Installs ds01: programs, man pages, completions, policy, systemd units, log rotation.

Usage: install.sh [OPTIONS]

  --prefix DIR   where programs and documents go [default: /usr/local]
  --bin-dir DIR  where the built programs are [default: target/release of this checkout]
  --destdir DIR  put everything under DIR instead of /, and start nothing: for making packages
  --uninstall    stop and remove what was installed; policy, state and logs stay
  --purge        the same, and remove policy, state and logs; possible after --uninstall, too
  --dry-run      say what would be done, and do nothing
  --help         this

The timers of detector and ledger and the GPU sampler are enabled and started; the reaper's timer and the socket for
metrics are not. A policy file that was changed stays as it is; a newer
one is put beside it as FILE.new. An upgrade may need `systemctl daemon-reload`; where that would take the GPUs away from
running containers, the script asks, or without a terminal goes on only with DS01_ALLOW_DAEMON_RELOAD=1.
TEXT
}

prefix=/usr/local
bin_dir=$here/../../target/release
destdir=
mode=install
dry_run=
while [ $# -gt 0 ]; do
    case "$1" in
        --prefix | --bin-dir | --destdir)
            [ $# -ge 2 ] || { warn "$1 needs a directory"; exit 2; }
            case "$1" in
                --prefix) prefix=${2%/} ;;
                --bin-dir) bin_dir=$2 ;;
                --destdir) destdir=${2%/} ;;
            esac
            shift ;;
        --uninstall) [ "$mode" = purge ] || mode=uninstall ;;
        --purge) mode=purge ;;
        --dry-run) dry_run=yes ;;
        --help | -h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
case "$prefix" in
    /*) ;;
    *) warn "--prefix has to be an absolute path"; exit 2 ;;
esac
# The prefix is written into units, where these would mean something.
case "$prefix" in
    *[!A-Za-z0-9/._+-]*) warn "--prefix: only letters, digits and / . _ + - are possible"; exit 2 ;;
esac

# systemd reads units from these two prefixes, and from /etc.
case "$prefix" in
    /usr | /usr/local) unit_dir=$prefix/lib/systemd/system tmpfiles_dir=$prefix/lib/tmpfiles.d ;;
    *) unit_dir=/etc/systemd/system tmpfiles_dir=/etc/tmpfiles.d ;;
esac
case "$prefix" in
    /usr) zsh_dir=$prefix/share/zsh/vendor-completions ;;
    *) zsh_dir=$prefix/share/zsh/site-functions ;;
esac
lib_dir=$prefix/lib/ds01
doc_dir=$prefix/share/doc/ds01
share_dir=$prefix/share/ds01
manifest=$lib_dir/manifest
etc=/etc/ds01

# Whether systemd runs here, to start things.
live() { [ -z "$destdir" ] && [ -d /run/systemd/system ]; }

# Runs a command, or says what would be run.
do_it() {
    if [ -n "$dry_run" ]; then say "would run: $*"; else "$@"; fi
}

# What was done, one name a line: files (`installed`; `config` for those of admins), and directories that were not there
# before, which end in a slash.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
touch "$work/installed" "$work/config"
changed=

# Makes a directory and those above it.
make_dir() {
    [ -d "$destdir/" ] || mkdir -p "$destdir"
    [ ! -d "$destdir$1" ] || return 0
    make_dir "$(dirname "$1")"
    mkdir "$destdir$1"
    printf '%s/\n' "${1%/}" >>"$work/installed"
}

# put MODE SOURCE TARGET: installs a file, unless it is there already. Replaces it as a whole: who reads or runs it, has
# the old one or the new one.
put() {
    printf '%s\n' "$3" >>"$work/installed"
    target=$destdir$3
    if [ -f "$target" ] && [ ! -L "$target" ] && cmp -s "$2" "$target"; then return; fi
    changed=yes
    if [ -n "$dry_run" ]; then say "would install $target"; return; fi
    say "installing $target"
    make_dir "$(dirname "$3")"
    temporary=$target.ds01-new
    rm -f "$temporary"
    install -m "$1" "$2" "$temporary"
    mv -f "$temporary" "$target"
}

# put_config SOURCE TARGET: a file that admins change. What was shipped last is remembered, to tell whether they did.
put_config() {
    printf '%s\n' "$2" >>"$work/config"
    target=$destdir$2
    shipped=$destdir$lib_dir/shipped$2
    if [ ! -e "$target" ] && [ -e "$shipped" ]; then
        say "$target was removed, and stays away"
    elif [ ! -e "$target" ] || cmp -s "$target" "$shipped"; then
        put 644 "$1" "$2"
    elif cmp -s "$1" "$target" || cmp -s "$1" "$shipped"; then
        : # It is as shipped now, or was changed and nothing newer is shipped.
    elif [ -n "$dry_run" ]; then
        say "would leave $target, which was changed, and put the newer one beside it, as $target.new"
    else
        say "$target was changed and stays; the newer one is put beside it, as $target.new"
        install -m 644 "$1" "$target.new"
    fi
    put 644 "$1" "$lib_dir/shipped$2" >/dev/null
}

# The unit files, with the prefix of this installation.
unit() { sed "s|/usr/bin/|$prefix/bin/|" "$here/systemd/$1" >"$work/$1"; }

install_files() {
    for program in $programs; do
        from=$bin_dir/$program
        [ -x "$from" ] || fail "there is no $from; build it first: cargo build --release --locked"
    done
    for program in $programs; do
        from=$bin_dir/$program
        put 755 "$from" "$prefix/bin/$program"
        "$from" --generate man | gzip -9n >"$work/man"
        put 644 "$work/man" "$prefix/share/man/man1/$program.1.gz"
        "$from" --generate completions-bash >"$work/bash"
        put 644 "$work/bash" "$prefix/share/bash-completion/completions/$program"
        "$from" --generate completions-zsh >"$work/zsh"
        put 644 "$work/zsh" "$zsh_dir/_$program"
        "$from" --generate completions-fish >"$work/fish"
        put 644 "$work/fish" "$prefix/share/fish/vendor_completions.d/$program.fish"
    done
    for name in $services $timers $paths $sockets; do
        unit "$name"
        put 644 "$work/$name" "$unit_dir/$name"
    done
    put 644 "$here/tmpfiles.d/ds01.conf" "$tmpfiles_dir/ds01.conf"
    put 755 "$here/check-daemon-reload" "$lib_dir/check-daemon-reload"
    for file in "$docs_source"/README.md "$docs_source"/CHANGELOG.md "$docs_source"/docs/*.md; do
        case "$file" in
            */docs/*) put 644 "$file" "$doc_dir/docs/${file##*/}" ;;
            *) put 644 "$file" "$doc_dir/${file##*/}" ;;
        esac
    done
    # Programs that are handed notices; admins copy what they want into notify.d.
    for file in "$examples_source"/*; do
        put 755 "$file" "$doc_dir/examples/notify.d/${file##*/}"
    done
    # What a Prometheus and a Grafana take of ds01, here or on another machine.
    for file in "$prometheus_source"/*.yml; do
        put 644 "$file" "$share_dir/prometheus/${file##*/}"
    done
    for file in "$grafana_source"/dashboards/*.json; do
        put 644 "$file" "$share_dir/grafana/dashboards/${file##*/}"
    done
    sed "s|/usr/share/|$prefix/share/|" "$grafana_source/provisioning.yaml" >"$work/provisioning.yaml"
    put 644 "$work/provisioning.yaml" "$share_dir/grafana/provisioning.yaml"
    put_config "$profile_source" /etc/profile.d/ds01-notices.sh
    put_config "$here/logrotate.d/ds01" /etc/logrotate.d/ds01
    for file in "$config_source"/*.yaml; do
        put_config "$file" "$etc/${file##*/}"
    done
    for file in "$config_source"/groups/*.members; do
        put_config "$file" "$etc/groups/${file##*/}"
    done
}

# Removes what an earlier version installed and this one does not, and remembers what this one did.
settle_manifest() {
    printf '%s\n' "$manifest" >>"$work/installed"
    if [ -f "$destdir$manifest" ]; then
        while IFS= read -r old; do
            case "$old" in
                */) printf '%s\n' "$old" >>"$work/installed" ;;
                *) grep -qxF -e "$old" "$work/installed" "$work/config" || remove "$old" ;;
            esac
        done <"$destdir$manifest"
    fi
    grep -vxF -f "$work/config" "$work/installed" | sort -u >"$work/manifest"
    put 644 "$work/manifest" "$manifest"
}

remove() {
    [ -e "$destdir$1" ] || [ -L "$destdir$1" ] || return 0
    if [ -n "$dry_run" ]; then say "would remove $destdir$1"; else rm -f "$destdir$1"; fi
}

# Which units systemd would read anew.
outdated() {
    for name in $services $timers $paths $sockets; do
        if [ "$(systemctl show --property NeedDaemonReload --value "$name" 2>/dev/null)" = yes ]; then
            printf '%s\n' "$name"
        fi
    done
}

start() {
    [ -z "$destdir" ] || return 0
    if ! getent group docker >/dev/null; then
        say "making the system group docker, whose members may read what ds01 finds"
        do_it groupadd --system docker
    fi
    if ! getent passwd ds01-notify >/dev/null; then
        say "making the system user ds01-notify, who runs the programs in $etc/notify.d"
        do_it useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ds01-notify
    fi
    do_it systemd-tmpfiles --create "$tmpfiles_dir/ds01.conf"
    # A unit that systemd has not read yet is read when it is first used, so this is for upgrades.
    if live && [ -n "$(outdated)" ]; then
        do_it systemctl daemon-reload
    fi
    # What is new here; on an upgrade, all else stays as the admin left it.
    new=
    [ -e "$work/upgrade" ] || new=$detector_timer
    [ -e "$work/had-notify" ] || new="$new $notify_path"
    [ -e "$work/had-ledger" ] || new="$new $ledger_timer"
    [ -e "$work/had-sampler" ] || new="$new $sampler"
    # Asked to enable a unit, systemd reads all units anew, or since Debian 13 wants to; so the links are made without it.
    # shellcheck disable=SC2086 # a list of words
    [ -z "$new" ] || do_it systemctl --root=/ --quiet enable $new
    if live && { [ -n "$dry_run" ] || systemctl --quiet is-enabled "$detector_timer"; }; then
        do_it systemctl start "$detector_timer"
    fi
    if live && { [ -n "$dry_run" ] || systemctl --quiet is-enabled "$notify_path"; }; then
        do_it systemctl start "$notify_path"
    fi
    if live && { [ -n "$dry_run" ] || systemctl --quiet is-enabled "$ledger_timer"; }; then
        do_it systemctl start "$ledger_timer"
    fi
    if live && [ ! -e "$work/had-sampler" ]; then
        do_it systemctl start "$sampler"
    elif live && [ -n "$changed" ]; then
        # It stays, so it would go on with the old program. One that the admin stopped stays so.
        do_it systemctl try-restart "$sampler"
    fi
    # The same, where the admin enabled its socket.
    if live && [ -e "$work/upgrade" ] && [ -n "$changed" ]; then
        do_it systemctl try-restart "$metrics"
    fi
    [ -e "$work/upgrade" ] || first_steps
}

first_steps() {
    cat <<TEXT

ds01 is installed. The host is scanned every 30 seconds, and GPUs are watched in between:
  ds01-workloads                    who is on which GPU (for root and the group docker)
Idle containers are warned and stopped only once you enable that. Look first what would happen:
  ds01-idle check-config            is the policy in $etc sound?
  ds01-idle status                  what idles, and what would be done when
  ds01-idle run --dry-run           one check that changes nothing
  systemctl enable --no-reload --now ds01-idle-checker.timer
TEXT
}

uninstall() {
    shipped=$lib_dir/shipped
    if [ ! -f "$destdir$manifest" ] && { [ "$mode" != purge ] || [ ! -d "$destdir$shipped" ]; }; then
        fail "nothing was installed under $destdir$prefix by this script: there is no $destdir$manifest"
    fi
    # After --uninstall, there is policy left to purge, and no manifest.
    if [ -f "$destdir$manifest" ]; then cp "$destdir$manifest" "$work/old"; else touch "$work/old"; fi
    # Directories that an earlier --uninstall had to leave for what it kept.
    left=$lib_dir/left
    if [ -f "$destdir$left" ]; then cp "$destdir$left" "$work/left"; else touch "$work/left"; fi
    grep '/$' "$work/old" >>"$work/left" || :
    if live && [ -s "$work/old" ]; then
        # shellcheck disable=SC2046,SC2086 # lists of words
        do_it systemctl stop $(known $timers $paths $sockets $services)
        # One that was stopped in the middle counts as failed.
        # shellcheck disable=SC2046,SC2086
        do_it systemctl reset-failed $(known $services) 2>/dev/null || :
        # shellcheck disable=SC2046,SC2086
        do_it systemctl --root=/ --quiet disable $(known $timers $paths $sockets $sampler)
    fi
    while IFS= read -r file; do
        case "$file" in
            # Kept with the policy, so that a later installation can tell whether that was changed.
            */ | "$shipped"/*) ;;
            *) remove "$file" ;;
        esac
    done <"$work/old"
    if [ "$mode" = purge ]; then
        (cd "$destdir$shipped" && find . -type f) | sed 's|^\.||' >"$work/config"
        while IFS= read -r file; do
            remove "$file"
            remove "$file.new"
            remove "$shipped$file"
        done <"$work/config"
        remove "$left"
        # By name: these directories may be those of other parts of the platform as well.
        purge_state /var/lib/ds01 'workload-inventory.*' '.workload-inventory.*' 'idle-state.*' '.idle-state.*' 'metrics*' '.metrics*' \
            activity ledger login-notices keep
        # These are ds01's alone. What a user mounted in one of them is his: it is not emptied, and ends nothing here.
        for dir in /var/lib/ds01-notify /var/lib/ds01-notices /var/lib/ds01-keep; do
            [ ! -d "$destdir$dir" ] || do_it rm -rf --one-file-system "$destdir$dir" || :
        done
        purge_state /var/log/ds01 'events.jsonl*'
        purge_state /run/ds01 'gpu-samples*.jsonl' 'ds01.prom' '.ds01.prom.*' 'gpu-time.json' '.gpu-time.json.*' \
            'gpus.*' '.gpus.*' users
    else
        [ -n "$dry_run" ] || cp "$work/left" "$destdir$left"
        say "policy ($etc), state (/var/lib/ds01) and logs (/var/log/ds01) stay; --purge removes them"
    fi
    # The innermost first. Where something is left that this script did not put there, they stay.
    {
        cat "$work/left"
        find "$destdir$lib_dir" "$destdir$etc" -type d 2>/dev/null | sed "s|^$destdir||; s|\$|/|"
        [ "$mode" != purge ] || printf '%s\n' /var/lib/ds01/ /var/log/ds01/ /run/ds01/
    } | sort -ru >"$work/dirs"
    while IFS= read -r dir; do
        if [ -d "$destdir$dir" ]; then do_it rmdir --ignore-fail-on-non-empty "$destdir$dir"; fi
    done <"$work/dirs"
    if [ "$mode" = purge ] && [ -z "$dry_run" ]; then
        for dir in "$etc" /var/lib/ds01 /var/log/ds01 /run/ds01; do
            [ ! -d "$destdir$dir" ] || say "$destdir$dir holds files that ds01 did not make; they stay"
        done
    fi
}

# Those of these units that were installed: an earlier version has fewer.
known() {
    for name in "$@"; do
        ! grep -qxF -e "$unit_dir/$name" "$work/old" || printf '%s\n' "$name"
    done
}

purge_state() {
    dir=$destdir$1
    shift
    for pattern in "$@"; do
        for path in "$dir"/$pattern; do
            if [ -e "$path" ] || [ -L "$path" ]; then do_it rm -rf "$path"; fi
        done
    done
}

# A directory of one's own takes no root.
if [ -z "$destdir$dry_run" ] && [ "$(id -u)" != 0 ]; then
    fail "must run as root, or with --dry-run"
fi
if [ -z "$destdir" ] && dpkg-query --show --showformat '${Status}' ds01 2>/dev/null | grep -q ' installed$'; then
    fail "the Debian package ds01 is installed here; remove it first: apt remove ds01"
fi

if [ "$mode" != install ]; then
    uninstall
    exit 0
fi

if live; then
    # Before anything is changed.
    if [ -n "$dry_run" ]; then
        sh "$here/check-daemon-reload" || say "without a terminal, it would stop here"
    else
        sh "$here/check-daemon-reload" --ask || fail "nothing was changed"
    fi
fi
if [ -f "$destdir$manifest" ]; then
    touch "$work/upgrade"
    # A version before the sampler, before notices for programs, or before the ledger may have been installed.
    ! grep -qxF -e "$unit_dir/$sampler" "$destdir$manifest" || touch "$work/had-sampler"
    ! grep -qxF -e "$unit_dir/$notify_path" "$destdir$manifest" || touch "$work/had-notify"
    ! grep -qxF -e "$unit_dir/$ledger_timer" "$destdir$manifest" || touch "$work/had-ledger"
fi
install_files
settle_manifest
[ -n "$changed" ] || say "all is there already"
start
