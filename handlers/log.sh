#!/bin/sh
# Writes every event to a file, one line for each member or line of payload:
#
#   gossipd agent -event-handler /etc/gossipd/log.sh ...
#
#   2026-01-31T23:59:59Z member-join web1	10.0.0.1	web	port=80,role=web
#   2026-01-31T23:59:59Z user deploy v1.2
#
# Names and payloads are what others send: control characters become "?", long lines are cut.
#
#   GOSSIPD_EVENT_LOG  /var/log/gossipd-events.log
set -eu
export LC_ALL=C

what="$(date -u +%Y-%m-%dT%H:%M:%SZ) ${SERF_EVENT:-} ${SERF_USER_EVENT:-}${SERF_QUERY_NAME:-}"
what=$(printf '%s' "${what% }" | tr '\000-\037\177' '?' | cut -c 1-300)
export what
{
  cat
  # A payload may be empty; the event happened all the same.
  case ${SERF_EVENT:-} in user | query) echo ;; *) ;; esac
} | tr '\000-\010\013-\037\177' '?' | cut -c 1-1000 |
  awk 'NF || NR == 1 { print ENVIRON["what"] " " $0 }' >>"${GOSSIPD_EVENT_LOG:-/var/log/gossipd-events.log}"
