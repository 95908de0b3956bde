#!/bin/sh
# Makes the folder of nodes equal to the members that are alive and ready, makes HAProxy's servers out of the
# folder and the template, and has HAProxy take them over.
#
# What happened does not matter here, only who is there: an event that was lost, merged or told twice does
# no harm. Scripts of gossipd's package do what is easy to get wrong: backends.sh refuses names and addresses
# that would not be safe as the name of a file or in a configuration; update-block.sh, which calls this
# script again, runs once at a time, checks the new file, replaces the old one as a whole, and puts it
# back if HAProxy does not take it over.
set -eu
nodes=/nodes

case ${1:-} in
  '')
    exec sh "$HANDLERS/update-block.sh" /etc/haproxy/haproxy.cfg \
      '# gossipd begin web' '# gossipd end web' "$0"
    ;;
  lines)
    # It ends with status 3, and so do we, if everybody is gone but nobody has left: all stays as it is.
    servers=$(sh "$HANDLERS/backends.sh")
    printf '%s\n' "$servers" | while read -r name address port; do
      [ -n "$name" ] || continue
      echo "$name $address $port" > "$nodes/.new"
      mv -f "$nodes/.new" "$nodes/$name"
    done
    for file in "$nodes"/*; do
      printf '%s\n' "$servers" | cut -d ' ' -f 1 | grep -qxF -e "${file##*/}" || rm -f "$file"
    done
    for file in "$nodes"/*; do
      [ ! -f "$file" ] || cat "$file"
    done | awk '
      FILENAME != "-" { template = template $0 "\n"; next }
      {
        line = template
        gsub(/\{name\}/, $1, line)
        gsub(/\{address\}/, $2, line)
        gsub(/\{port\}/, $3, line)
        printf "%s", line
      }' /handlers/server.template -
    ;;
  check | reload) exec sh "$HANDLERS/haproxy.sh" "$@" ;;
  *)
    echo "update.sh: takes no arguments" >&2
    exit 1
    ;;
esac
