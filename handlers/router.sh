#!/bin/sh
# One handler for everything: runs the script of a folder that is named after the event.
#
#   gossipd agent -event-handler /etc/gossipd/router.sh ...
#
#   member-join.sh, member-leave.sh, member-failed.sh, member-update.sh, member-reap.sh
#   user-NAME.sh   for the user event NAME
#   query-NAME.sh  for the query NAME; what it prints is the answer
#   state.sh       for a handler of states: state=/etc/gossipd/router.sh
#
# An event without a script is nobody's business: nothing runs, a query gets no answer. Anybody in the
# cluster chooses names, so only letters, digits, ".", "_" and "-" are taken to the folder.
#
#   ROUTER_DIR  the folder; the one of this script unless set
set -eu
export LC_ALL=C

case ${SERF_EVENT:-} in
  user) script=user-${SERF_USER_EVENT:-} ;;
  query) script=query-${SERF_QUERY_NAME:-} ;;
  member-join | member-leave | member-failed | member-update | member-reap | state)
    script=$SERF_EVENT
    ;;
  *)
    echo "router.sh: not called for an event" >&2
    exit 1
    ;;
esac
case $script in
  *- | *[!A-Za-z0-9._-]*)
    echo "router.sh: this name has no script" >&2
    exit 1
    ;;
esac
script=${ROUTER_DIR:-$(dirname -- "$(readlink -f -- "$0")")}/$script.sh
[ -x "$script" ] || exit 0
exec "$script"
