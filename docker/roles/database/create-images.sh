#!/bin/sh
# Patroni's post_init: runs once, on the node that makes the cluster. Its argument is how to connect.
set -eu

psql -Xq -v ON_ERROR_STOP=1 -v password="$IMAGES_PASSWORD" "$1" << 'END'
CREATE ROLE images LOGIN PASSWORD :'password';
CREATE DATABASE images OWNER images;
END
