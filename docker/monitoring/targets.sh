#!/bin/sh
# Keeps a file of targets in step with the cluster, for file_sd_configs of Prometheus. Run by an agent:
#   gossipd agent -event-handler='state=/etc/gossipd/targets.sh'
# Each line on stdin is a member that is alive: name, address, role and tags, parted by tabs. Only the
# address is used, which the agent has checked: what others write into names and tags goes nowhere.
set -eu
targets=${TARGETS:-/etc/prometheus/gossipd/targets.json}
port=${HTTP_PORT:-7380}
awk -F '\t' -v port="$port" '
  BEGIN { printf "[{\"targets\": [" }
  {
    host = (index($2, ":") ? "[" $2 "]" : $2)
    printf "%s\"%s:%s\"", (NR > 1 ? ", " : ""), host, port
  }
  END { print "]}]" }
' > "$targets.tmp"
mv "$targets.tmp" "$targets"
