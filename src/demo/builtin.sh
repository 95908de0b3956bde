#!/bin/sh
# Keeps the list of the demo's built-in balancer equal to the members that are alive, as haproxy.sh
# does for HAProxy; backends.sh, beside that one, says who they are.
#
#   BACKENDS       backends.sh
#   BALANCER_LIST  the file that the balancer reads
#   BALANCER_PID   the balancer; SIGHUP has it read the file again
set -eu

new=$BALANCER_LIST.new
"$BACKENDS" >"$new"
if cmp -s "$new" "$BALANCER_LIST"; then
  rm "$new"
else
  mv "$new" "$BALANCER_LIST"
  kill -HUP "$BALANCER_PID"
fi
