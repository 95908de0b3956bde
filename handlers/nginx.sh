#!/bin/sh
# Keeps the servers of an nginx upstream equal to the members that are alive:
#
#   gossipd agent -event-handler '*=/etc/gossipd/nginx.sh' ...
#
# Put the two marker lines into the upstream; this owns only what is between them and writes it anew,
# whatever befell a member. backends.sh and update-block.sh have to lie beside it and tell the rest: who
# becomes a server, and how the file is replaced. May be run by hand, always as the same user.
#
#   GOSSIPD, BACKEND_ROLE, BACKEND_PORT  see backends.sh
#   NGINX_CFG             /etc/nginx/nginx.conf: the main file, since the check reads it as a whole
#   NGINX_BEGIN, _END     # gossipd begin, # gossipd end
#   NGINX_SERVER_OPTIONS  max_fails=1 fail_timeout=2s
#   NGINX_CHECK           nginx -t -q -c "$1": a shell command, as is the next
#   NGINX_RELOAD          SIGHUP to the master; that it took effect is seen only with pgrep
#   NGINX_PID_FILE        /run/nginx.pid
#
# An upstream without a server would be an error in all of the file. When all members have left, it
# has one that is down, and nginx answers 502.
set -eu
self=$(readlink -f -- "$0")

case ${1:-} in
  lines)
    servers=$(sh "${self%/*}/backends.sh")
    [ -n "$servers" ] || echo '        server 127.0.0.1:1 down;'
    printf '%s\n' "$servers" | while read -r name host port; do
      [ -z "$name" ] || printf '        server %s:%s %s; # %s\n' "$host" "$port" \
        "${NGINX_SERVER_OPTIONS:-max_fails=1 fail_timeout=2s}" "$name"
    done
    ;;
  check)
    sh -c "${NGINX_CHECK:-nginx -t -q -c \"\$1\"}" sh "$2"
    ;;
  reload)
    if [ -n "${NGINX_RELOAD:-}" ]; then exec sh -c "$NGINX_RELOAD"; fi
    pid=$(cat "${NGINX_PID_FILE:-/run/nginx.pid}") && kill -0 "$pid" || exit 2
    command -v pgrep >/dev/null || exec kill -HUP "$pid"
    before=" $(pgrep -P "$pid" | tr '\n' ' ')"
    kill -HUP "$pid"
    # It forks new workers when it has taken over the file, and none when it could not.
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      sleep 0.2
      for worker in $(pgrep -P "$pid"); do
        case $before in *" $worker "*) ;; *) exit 0 ;; esac
      done
    done
    exit 1
    ;;
  '')
    case ${SERF_EVENT:-} in user | query) exit 0 ;; *) ;; esac
    exec sh "${self%/*}/update-block.sh" "${NGINX_CFG:-/etc/nginx/nginx.conf}" \
      "${NGINX_BEGIN:-# gossipd begin}" "${NGINX_END:-# gossipd end}" "$self"
    ;;
  *)
    echo "nginx.sh: takes no arguments" >&2
    exit 1
    ;;
esac
