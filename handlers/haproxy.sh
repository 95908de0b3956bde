#!/bin/sh
# Keeps the servers of an HAProxy backend equal to the members that are alive:
#
#   gossipd agent -event-handler '*=/etc/gossipd/haproxy.sh' ...
#
# Put the two marker lines into the backend; this owns only what is between them and writes it anew,
# whatever befell a member. backends.sh and update-block.sh have to lie beside it and tell the rest: who
# becomes a server, and how the file is replaced. May be run by hand, always as the same user.
#
#   GOSSIPD, BACKEND_ROLE, BACKEND_PORT  see backends.sh
#   HAPROXY_CFG             /etc/haproxy/haproxy.cfg
#   HAPROXY_BEGIN, _END     # gossipd begin, # gossipd end
#   HAPROXY_SERVER_OPTIONS  what is to follow each address, such as: check
#   HAPROXY_CHECK           haproxy -c -f "$1": a shell command, as is the next
#   HAPROXY_RELOAD          by the master socket if it is there, else by SIGUSR2 to the master
#   HAPROXY_MASTER_SOCKET   /run/haproxy-master.sock, of haproxy -W -S; needs socat
#   HAPROXY_PID_FILE        /run/haproxy.pid, of haproxy -W -p; only through the socket is it seen when
#                           a reload fails although the check was passed (a port that is taken)
#
# When nobody is alive because all have left, the backend has no server and HAProxy answers 503.
set -eu
self=$(readlink -f -- "$0") socket=${HAPROXY_MASTER_SOCKET:-/run/haproxy-master.sock}

master() {
  echo "$1" | socat -t 5 - "UNIX-CONNECT:$socket" 2>/dev/null
}

# How often the master has reloaded, and "0]" if it went well the last time.
reloads() {
  master 'show proc' | awk '$2 == "master" { print $3, $5 }'
}

case ${1:-} in
  lines)
    servers=$(sh "${self%/*}/backends.sh")
    printf '%s\n' "$servers" | while read -r name host port; do
      [ -z "$name" ] || printf '    server %s %s:%s%s\n' "$name" "$host" "$port" \
        "${HAPROXY_SERVER_OPTIONS:+ $HAPROXY_SERVER_OPTIONS}"
    done
    ;;
  check)
    sh -c "${HAPROXY_CHECK:-haproxy -c -f \"\$1\" >/dev/null}" sh "$2"
    ;;
  reload)
    if [ -n "${HAPROXY_RELOAD:-}" ]; then exec sh -c "$HAPROXY_RELOAD"; fi
    if [ ! -S "$socket" ] || ! command -v socat >/dev/null; then
      pid=$(cat "${HAPROXY_PID_FILE:-/run/haproxy.pid}") && kill -0 "$pid" || exit 2
      exec kill -USR2 "$pid"
    fi
    before=$(reloads)
    [ -n "$before" ] || exit 2
    master reload >/dev/null || :
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      sleep 0.2
      after=$(reloads)
      if [ -n "$after" ] && [ "${after% *}" != "${before% *}" ]; then exec test "${after#* }" = '0]'; fi
    done
    exit 1
    ;;
  '')
    case ${SERF_EVENT:-} in user | query) exit 0 ;; *) ;; esac
    exec sh "${self%/*}/update-block.sh" "${HAPROXY_CFG:-/etc/haproxy/haproxy.cfg}" \
      "${HAPROXY_BEGIN:-# gossipd begin}" "${HAPROXY_END:-# gossipd end}" "$self"
    ;;
  *)
    echo "haproxy.sh: takes no arguments" >&2
    exit 1
    ;;
esac
