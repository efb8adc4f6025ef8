#!/bin/bash
# security
# What one worker does for a certificate that is revoked, several do: the same proof, with three of them.
export ZT_EDGE_WORKERS=3
exec bash "$(dirname "${BASH_SOURCE[0]}")/edge-cuts-who-is-revoked.sh"
