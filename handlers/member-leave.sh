#!/bin/sh
# For those who register a script for each event; haproxy.sh alone for all events does the same.
exec sh "$(dirname -- "$0")/haproxy.sh"
