#!/bin/sh
# What s6 does at `docker stop`. The agent goes first: it has the balancers send nothing here any more, and
# leaves. Only then the service is stopped; by itself s6 would stop both at once.
s6-svc -wD -T 9000 -d /services/gossipd
exec s6-svscanctl -t /services
