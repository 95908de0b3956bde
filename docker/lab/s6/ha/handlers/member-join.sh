#!/bin/sh
# Somebody came, or has other tags.
exec /handlers/update.sh
