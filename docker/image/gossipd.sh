#!/bin/sh
# Starts gossipd on its own Node.js. As a container's main process it runs under tini, which reaps what
# handlers and applications leave behind: Node.js reaps only what it has started itself.
home=/usr/local/lib/gossipd
program=$home/node_modules/gossipd/bin/gossipd.js
[ $$ -ne 1 ] || exec "$home/tini" -- "$home/node" "$program" "$@"
exec "$home/node" "$program" "$@"
