#!/bin/sh
# update-block.sh FILE BEGIN END PROXY: writes the lines between the lines BEGIN and END of a proxy's
# configuration file anew and has the proxy take them over. What haproxy.sh and nginx.sh have in common.
#
#   PROXY lines        prints the new lines; status 3: leave those that are there
#   PROXY check FILE   status 0: the proxy would accept this file
#   PROXY reload       status 0: the proxy uses it; 2: there is no proxy that runs; else it refused
#
# The proxy never sees half a file, nor one that did not pass the check. Nothing is reloaded when
# nothing changed. When a reload fails, the file from before is put back and loaded again. While it
# works FILE.gossipd-old is that file; if it is killed then, the next run makes up for the reload.
# FILE is replaced by a new one of the same owner and mode: in a container mount its folder.
set -eu
export LC_ALL=C begin="$2" end="$3"
proxy=$4
die() {
  echo "update-block.sh: $*" >&2
  exit 1
}
[ -f "$1" ] || die "no file $1"
cfg=$(readlink -f -- "$1")
export cfg
new=$cfg.gossipd-new old=$cfg.gossipd-old lock=$cfg.gossipd-lock
[ -w "${cfg%/*}/" ] || die "cannot write to ${cfg%/*}"

# One run at a time. The lock names its owner. When that is dead or had ten minutes (somebody else may
# have its number now), the lock is taken away, by one only of those who wait.
tries=0
until ln -s $$ "$lock" 2>/dev/null; do
  owner=$(readlink "$lock" || :)
  if [ -n "$owner" ] && { ! kill -0 "$owner" || [ -n "$(find "$lock" -mmin +10)" ]; } &&
    mkdir "$lock.stale"; then
    [ "$(readlink "$lock")" != "$owner" ] || rm -f "$lock"
    rmdir "$lock.stale"
  fi 2>/dev/null
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || die "process '$owner' holds $lock (if not: remove it and $lock.stale)"
  sleep 0.1
done
trap 'rm -f "$new" "$lock"' EXIT
trap 'exit 1' HUP INT TERM

lines=$(sh "$proxy" lines) || case $? in
  3) exit 0 ;;
  *) die "cannot tell the new lines, kept $cfg" ;;
esac
cp -p "$cfg" "$new"
printf '%s\n' "$lines" | awk '
  FILENAME != ENVIRON["cfg"] { if (NF) lines = lines $0 "\n"; next }
  { bare = $0; gsub(/^[ \t]+|[ \t\r]+$/, "", bare) }
  bare == ENVIRON["end"] { ends++; inside = 0 }
  !inside
  bare == ENVIRON["begin"] { begins++; inside = 1; printf "%s", lines }
  END { exit begins != 1 || ends != 1 || inside }' - "$cfg" >"$new" ||
  die "$cfg needs one line '$begin' and after it one line '$end'"

if cmp -s "$new" "$cfg" && [ ! -e "$old" ]; then exit 0; fi
sh "$proxy" check "$new" || die "the proxy refuses the new lines, kept $cfg"
[ -e "$old" ] || ln "$cfg" "$old" 2>/dev/null || cp -p "$cfg" "$old"
mv -f "$new" "$cfg"
sh "$proxy" reload && status=0 || status=$?
case $status in
  0) rm -f "$old" ;;
  2) die "wrote $cfg, but no proxy runs that could load it" ;;
  *)
    mv -f "$old" "$cfg"
    sh "$proxy" reload || :
    die "the proxy did not load $cfg, put back the one from before"
    ;;
esac
