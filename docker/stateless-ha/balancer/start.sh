#!/bin/sh
# Two programs share this container: HAProxy, which gossipd runs, and keepalived beside it. OWN and PEER
# are the addresses of this balancer and of the other one, VIRTUAL is the one that moves between them.
set -eu
: "${OWN:?}" "${PEER:?}" "${VIRTUAL:?}"
sed -e "s|@OWN@|$OWN|g" -e "s|@PEER@|$PEER|g" -e "s|@VIRTUAL@|$VIRTUAL|g" \
  /etc/gossipd/keepalived.conf >/run/keepalived.conf
echo 0 >/run/gossipd/address

# A keepalived that dies leaves its address behind; the next one takes it over. It would not start beside
# the file of one that was killed, in a container that is started again.
(
  while :; do
    rm -f /run/keepalived.pid /run/vrrp.pid
    keepalived --dont-fork --log-console --vrrp --use-file /run/keepalived.conf || :
    sleep 1
  done
) &

exec gossipd run -lb /etc/gossipd/lb.json -tag role=balancer -restart always -stop-signal USR1 -- \
  haproxy -W -db -S /run/haproxy/master.sock,mode,600 -f /etc/haproxy/haproxy.cfg
