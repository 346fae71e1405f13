# shellcheck shell=sh
# Shows the notices about one's GPU containers at a login: what is still to come each time, everything else once.
# Silent when there is nothing, and for whoever has a ~/.hushlogin. In a subshell: nothing of it stays, and nothing of it can end a login.
case $- in
    *i*)
        (
            set +eu
            # Where nobody sees it, as in a script that runs `bash -ic`, nothing is shown, and nothing is remembered as seen.
            [ -t 1 ] || exit 0
            dir=${DS01_NOTICES_DIR:-/var/lib/ds01-notices}
            [ -d "$dir" ] && [ ! -e "$HOME/.hushlogin" ] || exit 0
            file=$dir/$(id -u)
            [ -f "$file" ] && [ -r "$file" ] || exit 0
            # A home can be shared by several hosts.
            seen_file=${XDG_STATE_HOME:-$HOME/.local/state}/ds01-notices-seen-$(uname -n)
            seen=0
            if [ -f "$seen_file" ]; then read -r seen <"$seen_file"; fi
            case $seen in '' | *[!0-9]* | ????????????????*) seen=0 ;; esac
            newest=$seen
            show=
            while IFS= read -r line; do
                case $line in
                    'notice '*)
                        line=${line#notice }
                        number=${line%% *}
                        line=${line#* }
                        case $number in '' | *[!0-9]* | ????????????????*) number=0 ;; esac
                        show=
                        if [ "$number" -gt "$seen" ] || [ "${line%% *}" = open ]; then
                            show=yes
                            printf '\nGPU containers, %s:\n' "${line#* }"
                        fi
                        if [ "$number" -gt "$newest" ]; then newest=$number; fi
                        ;;
                    *) if [ -n "$show" ]; then printf '%s\n' "$line"; fi ;;
                esac
            done <"$file"
            # Where this can't be remembered, it is shown again. Root, with somebody else's HOME, writes nothing there.
            if [ "$newest" != "$seen" ] && [ -O "$HOME" ]; then
                mkdir -p "${seen_file%/*}" && [ -O "${seen_file%/*}" ] && [ ! -L "$seen_file" ] &&
                    printf '%s\n' "$newest" >|"$seen_file"
            fi
        ) 2>/dev/null || :
        ;;
esac
