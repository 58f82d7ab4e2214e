#!/bin/sh
# A service of the orchestrator's door on a host that joined another: asks there by the same name. Streams and exit code
# are ssh's, which passes on those of the call over there, and ends with 255 where it cannot.
exec ssh -F "$UPLINK_CONFIG" -T uplink "$QREXEC_SERVICE_FULL_NAME"
