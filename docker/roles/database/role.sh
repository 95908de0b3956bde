#!/bin/sh
# role.sh ACTION ROLE CLUSTER: Patroni's callback. Tells all members of the gossip what this node is.
# Patroni ends a call that still runs when it has something newer to tell, so waiting here is harmless.
set -eu

ask() {
  psql -XAtq -d postgres "$@" 2> /dev/null
}

tell() {
  until gossipd tags "$@"; do sleep 0.2; done
}

# Patroni calls when it has told PostgreSQL to promote itself: wait until it takes writes.
promoted='DO $$ BEGIN WHILE pg_is_in_recovery() LOOP PERFORM pg_sleep(0.01); END LOOP; END $$'
# Each promotion begins a new timeline: of two that claim to be the primary the higher number is right.
timeline="SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"

case $2 in
  master | primary)
    until epoch=$(ask -c "$promoted" -c "$timeline"); do sleep 0.05; done
    tell -set role=primary -set "role_epoch=$epoch"
    ;;
  replica)
    until ask -c "SELECT 1" > /dev/null; do sleep 0.1; done
    tell -set role=replica -delete role_epoch
    ;;
  *)
    tell -delete role -delete role_epoch
    ;;
esac
