#!/usr/bin/env bash
# The presets do what people with those appliances expect: Proxmox's port, its certificate pinned and never simply
# believed, consoles that are silent for long; Home Assistant's port, and no forwarded addresses, to which it says 400.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tunnel.inc.sh"
. "$(dirname "$0")/origins.inc.sh"
. "$(dirname "$0")/web.inc.sh"
tunnel_is_up() { grep -q "a connector announced its rules" "$TMP/edge.log"; }
# The appliances' own ports, on an address that nobody else uses.
AT=127.$((RANDOM % 200 + 20)).$((RANDOM % 250)).7
self_signed pve "$AT"
start proxmox python3 "$ROOT/tests/behaviour/appliance.py" proxmox "$AT" 8006 "$PKI/pve.both"
start hass python3 "$ROOT/tests/behaviour/appliance.py" homeassistant "$AT" 8123
up() { (exec 3<>"/dev/tcp/$AT/$1") 2>/dev/null; }
wait_for up 8006
wait_for up 8123

ingress prox 'hostname = prox.test' "service = https://$AT" "pin = sha256:$(pin_of pve)" 'preset = proxmox'
ingress nopin 'hostname = nopin.test' "service = https://$AT" 'preset = proxmox'
ingress hass 'hostname = hass.test' "service = http://$AT" 'preset = home-assistant'
ingress unset 'hostname = unset.test' "service = http://$AT:8123"
ingress silent 'hostname = silent.test' "service = https://$AT:8006" "pin = sha256:$(pin_of pve)"
ingress last 'service = http_status:404'
host_section all public 'prox.test nopin.test hass.test unset.test silent.test' 'idle = 2s'
start_web
same "$(web prox.test /)" proxmox "Proxmox"
same "$(web nopin.test / -o "$TMP/page" -w '%{http_code}')" 502 "Proxmox without its pin"
has "$(<"$TMP/page")" "pin = sha256:$(pin_of pve)"
same "$(web hass.test /)" homeassistant "Home Assistant"
grep '^request / ' "$TMP/hass.log" | grep -q 'x-forwarded' && fail "Home Assistant was told of a proxy: $(<"$TMP/hass.log")"
same "$(web unset.test / -o /dev/null -w '%{http_code}')" 400 "Home Assistant without its preset"
has "$(<"$TMP/proxmox.log")" "x-forwarded-for"
has "$(<"$TMP/proxmox.log")" "host=prox.test"

# Three consoles that say nothing. The one whose rule knows nothing of that ends with the host's idle; then the others
# still answer.
for c in prox:/api2/json/nodes/pve/qemu/100/vncwebsocket hass:/api/websocket silent:/console; do
	start "console-${c%%:*}" python3 "$ROOT/tests/behaviour/appliance.py" console "$EDGE_PORT" "${c%%:*}.test" "${c#*:}" "$WEB_CA" "$TMP/${c%%:*}.ctl"
	wait_for grep -q open "$TMP/console-${c%%:*}.log"
done
wait_for grep -q cut "$TMP/console-silent.log"
for c in prox hass; do
	lacks "$(<"$TMP/console-$c.log")" cut
	echo "keys-for-$c" >"$TMP/$c.ctl"
	wait_for grep -q "echo keys-for-$c" "$TMP/console-$c.log"
done
edge_is_alive
lacks "$(<"$TMP/connector.log")" "child died"
