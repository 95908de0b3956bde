#!/bin/sh
# check-haproxy.sh SOCKET: whether HAProxy serves, for keepalived's vrrp_script. Asks its runtime socket:
# a process that only exists proves nothing (kill -0 succeeds on a zombie). Needs socat.
set -u
[ $# -eq 1 ] || {
  echo "usage: ${0##*/} SOCKET" >&2
  exit 2
}
printf 'show info\n' | socat -t 1 -T 1 - "UNIX-CONNECT:$1" 2>/dev/null | grep -q '^Pid: '
