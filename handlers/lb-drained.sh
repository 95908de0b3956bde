#!/bin/sh
# Tells a node that wants to stop whether HAProxy still sends requests to it: the answer of a load
# balancer to the query lb-drained, for HAProxy configurations that haproxy.sh keeps. For gossipd and
# serf agents alike; the tag says that this agent may be asked:
#
#   serf agent -tag balancer=haproxy -event-handler 'query:lb-drained=/etc/gossipd/lb-drained.sh' ...
#
# Who wants to stop sets its tag state to draining (gossipd drain, or serf tags -set state=draining),
# which makes haproxy.sh leave it out, and asks until the answer is "out"; the name is the payload:
#
#   {"balancer":"haproxy","node":"web1","state":"out","inUse":0}
#
# state is serving, draining while requests are under way, out, or unknown if HAProxy cannot be asked.
# A reload leaves a process behind that finishes what it began: until it ends, nobody it may serve is out.
# Needs socat.
#
#   HAPROXY_SOCKET         /run/haproxy-admin.sock, the stats socket
#   HAPROXY_MASTER_SOCKET  /run/haproxy-master.sock, of haproxy -W -S
#   BALANCER               haproxy: how the tag balancer calls it
set -eu
export LC_ALL=C

ask() {
  echo "$2" | socat -t 5 - "UNIX-CONNECT:$1" 2>/dev/null || :
}

IFS= read -r node || [ -n "${node:-}" ] || exit 0
case $node in
  # haproxy.sh lets no other names into the configuration.
  *[!A-Za-z0-9._-]*)
    echo "lb-drained.sh: not asked for a name that a server can have" >&2
    exit 1
    ;;
  *) export node ;;
esac

workers=$(ask "${HAPROXY_MASTER_SOCKET:-/run/haproxy-master.sock}" 'show proc')
old=$(printf '%s\n' "$workers" | awk '
  /^#/ { old = /^# old workers/; next }
  old && NF { count++ }
  END { print count + 0 }')
servers=$(ask "${HAPROXY_SOCKET:-/run/haproxy-admin.sock}" 'show stat -1 4 -1')
export old
printf '%s\n' "$servers" | awk -F, -v balancer="${BALANCER:-haproxy}" '
  /^# pxname,/ { asked = 1 }
  $2 == ENVIRON["node"] {
    in_use += $5
    if ($18 !~ /^MAINT/ && $18 !~ /^DRAIN/) serving = 1
  }
  END {
    in_use += ENVIRON["old"]
    state = !asked ? "unknown" : serving ? "serving" : in_use ? "draining" : "out"
    printf "{\"balancer\":\"%s\",\"node\":\"%s\",\"state\":\"%s\",\"inUse\":%d}\n",
      balancer, ENVIRON["node"], state, in_use
  }'
