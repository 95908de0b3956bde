#!/bin/sh
# What s6 runs and watches; PID 1 is s6.
exec gossipd run -- /usr/local/lib/gossipd/node /srv/web.js
