#!/bin/sh
# Installs ds01 on a system without a package of it. Safe to run again: it is also how to upgrade. See docs/installing.md.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
config_source=$here/../runtime
docs_source=$here/../..
programs='ds01-detect ds01-workloads ds01-idle'
examples_source=$here/../notify.d
profile_source=$here/../profile.d/ds01-notices.sh
prometheus_source=$here/../prometheus
grafana_source=$here/../grafana

say() { printf 'install.sh: %s\n' "$*"; }
warn() { say "$*" >&2; }
fail() { warn "$*"; exit 1; }

usage() {
    cat <<'TEXT'
Installs ds01: programs, man pages, completions, policy, systemd units, log rotation, documents.

Usage: install.sh [OPTIONS]

  --prefix DIR   where programs and documents go [default: /usr/local]
  --bin-dir DIR  where the built programs are [default: target/release of this checkout]
  --destdir DIR  put everything under DIR instead of /, and start nothing: for making packages
  --uninstall    stop and remove what was installed; policy, state and logs stay
  --purge        the same, and remove policy, state and logs; possible after --uninstall, too
  --dry-run      say what would be done, and do nothing
  --help         this

On a first installation the timers of detector and ledger, the GPU sampler and the watch for notices are enabled, unless a preset of
this system says no, and started; the reaper's timer and the socket for metrics are not. A policy file that was changed stays as
it is; a newer one is put beside it as FILE.new. An upgrade may need `systemctl daemon-reload`; where that would take the GPUs away
from running containers, the script asks, or without a terminal goes on only with DS01_ALLOW_DAEMON_RELOAD=1.
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

# systemd reads what lies below these two prefixes, and below /etc.
case "$prefix" in
    /usr | /usr/local) systemd_dir=$prefix/lib ;;
    *) systemd_dir=/etc ;;
esac
unit_dir=$systemd_dir/systemd/system
preset_dir=$systemd_dir/systemd/system-preset
tmpfiles_dir=$systemd_dir/tmpfiles.d
sysusers_dir=$systemd_dir/sysusers.d
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
touch "$work/installed" "$work/config" "$work/had"
changed=

# Asks on the terminal, where there is one; no answer is a no.
ask() {
    [ -t 0 ] || return 1
    printf '%s [y/N] ' "$1" >&2
    read -r answer || answer=
    case "$answer" in
        [yY] | [yY][eE][sS]) ;;
        *) return 1 ;;
    esac
}

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
    for file in "$here"/systemd/*; do
        name=${file##*/}
        unit "$name"
        put 644 "$work/$name" "$unit_dir/$name"
    done
    put 644 "$here/tmpfiles.d/ds01.conf" "$tmpfiles_dir/ds01.conf"
    put 644 "$here/sysusers.d/ds01.conf" "$sysusers_dir/ds01.conf"
    put 644 "$here/system-preset/50-ds01.preset" "$preset_dir/50-ds01.preset"
    put 755 "$here/check-daemon-reload" "$lib_dir/check-daemon-reload"
    put 755 "$here/units" "$lib_dir/units"
    put 644 "$here/first-steps" "$lib_dir/first-steps"
    for file in "$docs_source"/README.md "$docs_source"/CHANGELOG.md "$docs_source"/docs/*.md; do
        case "$file" in
            */docs/*) put 644 "$file" "$doc_dir/docs/${file##*/}" ;;
            *) put 644 "$file" "$doc_dir/${file##*/}" ;;
        esac
    done
    (cd "$docs_source/docs/ansible" && find . -type f) | sed 's|^\./||' | LC_ALL=C sort >"$work/role"
    while IFS= read -r file; do
        put 644 "$docs_source/docs/ansible/$file" "$doc_dir/ansible/$file"
    done <"$work/role"
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

# Removes what an earlier version installed and this one does not, and lists what this one did.
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
}

remove() {
    [ -e "$destdir$1" ] || [ -L "$destdir$1" ] || return 0
    if [ -n "$dry_run" ]; then say "would remove $destdir$1"; else rm -f "$destdir$1"; fi
}

start() {
    [ -z "$destdir" ] || return 0
    do_it systemd-sysusers "$sysusers_dir/ds01.conf"
    do_it systemd-tmpfiles --create "$tmpfiles_dir/ds01.conf"
    # What is new here is switched on; on an upgrade, all else stays as the admin left it.
    same=--same
    [ -z "$changed" ] || same=
    # shellcheck disable=SC2086 # a word, or none
    sh "$here/units" up --had "$work/had" $same ${dry_run:+--dry-run}
    [ -n "$dry_run" ] || [ -e "$work/upgrade" ] || cat "$here/first-steps"
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
        sh "$here/units" down ${dry_run:+--dry-run}
    fi
    # The links that enable them: not by systemctl, see units.
    for unit in $(sh "$here/units" switches); do
        for link in "$destdir"/etc/systemd/system/*.wants/"$unit"; do
            [ ! -L "$link" ] || do_it rm -f "$link"
        done
    done
    for wants in paths sockets; do
        [ -n "$dry_run" ] || rmdir "$destdir/etc/systemd/system/$wants.target.wants" 2>/dev/null || :
    done
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
        sh "$here/purge-state" ${dry_run:+--dry-run} "$destdir"
    else
        [ -n "$dry_run" ] || cp "$work/left" "$destdir$left"
        say "policy ($etc), state (/var/lib/ds01) and logs (/var/log/ds01) stay; --purge removes them"
    fi
    # The innermost first. Where something is left that this script did not put there, they stay.
    {
        cat "$work/left"
        find "$destdir$lib_dir" "$destdir$etc" -type d 2>/dev/null | sed "s|^$destdir||; s|\$|/|"
    } | sort -ru >"$work/dirs"
    while IFS= read -r dir; do
        if [ -d "$destdir$dir" ]; then do_it rmdir --ignore-fail-on-non-empty "$destdir$dir"; fi
    done <"$work/dirs"
    if [ "$mode" = purge ] && [ -z "$dry_run" ] && [ -d "$destdir$etc" ]; then
        say "$destdir$etc holds files that ds01 did not make; they stay"
    fi
}

# A directory of one's own takes no root.
if [ -z "$destdir$dry_run" ] && [ "$(id -u)" != 0 ]; then
    fail "must run as root, or with --dry-run"
fi
# What only a package leaves.
if [ -e "$destdir/usr/lib/ds01/units" ] && [ ! -e "$destdir/usr/lib/ds01/manifest" ]; then
    fail "a package of ds01 is installed here; remove it first: apt remove ds01, or rpm --erase ds01"
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
        if ! sh "$here/check-daemon-reload"; then
            ask "Go on all the same?" || fail "nothing was changed"
            export DS01_ALLOW_DAEMON_RELOAD=1
        fi
    fi
fi
if [ -f "$destdir$manifest" ]; then
    touch "$work/upgrade"
    # The units of the version that was there.
    sed -n "s|^$unit_dir/||p" "$destdir$manifest" >"$work/had"
fi
install_files
settle_manifest
[ -n "$changed" ] || say "all is there already"
start
# Last of all: without it, the next run begins anew.
put 644 "$work/manifest" "$manifest" >/dev/null
