#!/usr/bin/env bash
# waits
# The same with an edge of several workers, of another number of them after each upgrade, and two connectors.
export ZT_UPGRADE_SECOND=1
export ZT_UPGRADES=${ZT_UPGRADES:-3} ZT_UPGRADE_WORKERS="2 4 1"
exec bash "$(dirname "${BASH_SOURCE[0]}")/upgrades-under-load-lose-nothing.sh"
