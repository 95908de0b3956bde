#!/bin/sh
# Somebody left, or failed.
exec /handlers/update.sh
