#!/bin/sh
# Prints the members that are alive and have a role, one "NAME ADDRESS PORT" a line, sorted.
# haproxy.sh and nginx.sh make their server lists of it; a script for another proxy can, too.
#
#   GOSSIPD       gossipd: the command; it finds the agent by SERF_RPC_ADDR
#   BACKEND_ROLE  web: members whose tag role is this
#   BACKEND_PORT  80: for members without a tag port
#
# A member with a tag state other than ready is left out: draining, maint, starting. It says so itself.
#
# Names and tags are what any member of the cluster wants them to be. Each field must match a strict
# pattern, or the member is left out and named on stderr: what is printed is safe in any
# configuration file. JSON is read because in it no name can look like another line or column; both
# gossipd and serf write one field per line, and the number of blanks before it tells where it belongs.
#
# Exit status 3: nobody is alive, but not because all have left. Then it may be this node that is cut
# off, and a list from before, watched by the proxy's own checks, serves better than none.
set -eu
export LC_ALL=C role="${BACKEND_ROLE:-web}" port="${BACKEND_PORT:-80}"

members=$("${GOSSIPD:-gossipd}" members -format=json) || {
  echo "backends.sh: $members" >&2
  exit 1
}
printf '%s\n' "$members" | awk '
  function text(line) {
    sub(/^ *"[a-z]*": "/, "", line)
    sub(/",?$/, "", line)
    return line
  }
  function is_host(host,   part) {
    if (host ~ /^\[[0-9a-f:]+\]$/) return 1
    if (host !~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/) return 0
    split(host, part, ".")
    return part[1] < 256 && part[2] < 256 && part[3] < 256 && part[4] < 256
  }
  function is_port(port) { return port ~ /^[1-9][0-9]*$/ && length(port) < 6 && port + 0 < 65536 }
  function is_name(name) { return name ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ && length(name) <= 128 }
  function skip(name) {
    gsub(/[^A-Za-z0-9._-]/, "?", name)
    print "backends.sh: left out, name, address or port is not valid: " substr(name, 1, 60) | "cat >&2"
  }

  /^  "members": / { listed = 1 }
  /^    \{/ { name = host = status = role = state = ""; port = ENVIRON["port"] }
  /^      "name": "/ { name = text($0) }
  /^      "addr": "/ { host = text($0); sub(/:[0-9]+$/, "", host) }
  /^      "status": "/ { status = text($0) }
  /^        "role": "/ { role = text($0) }
  /^        "port": "/ { port = text($0) }
  /^        "state": "/ { state = text($0) }
  /^    }/ && role == ENVIRON["role"] {
    if (status == "left" || status == "leaving") left++
    else if (status != "alive") lost++
    else if (state != "" && state != "ready") left++
    else if (!is_name(name) || !is_host(host) || !is_port(port)) skip(name)
    else {
      print name, host, port | "sort"
      alive++
    }
  }
  END {
    if (!listed) exit 2
    if (!alive && (lost || !left)) exit 3
  }'
