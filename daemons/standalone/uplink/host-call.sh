#!/bin/sh
# host-call SOCKET: the forced command of a joined host's key (sshd(8), AUTHORIZED_KEYS FILE FORMAT). What it asks for is a
# service and nothing else; policy decides, by the qube whose socket this is. Without one it says whether the line is there.
socket=$1
case ${SSH_ORIGINAL_COMMAND:-} in
  '')
    [ -S "$socket" ] && echo ready && exit
    echo 'the line is not running there, or has not heard of this host yet' >&2
    exit 1
    ;;
  [!A-Za-z]* | *[!A-Za-z0-9_.+-]*)
    echo 'this key makes calls, and does nothing else: expected a service' >&2
    exit 2
    ;;
esac
QREXEC_AGENT_SOCKET=$socket
export QREXEC_AGENT_SOCKET
client=${0%/*}/../bin/qrexec-client-vm
[ -x "$client" ] || client=/usr/bin/qrexec-client-vm
exec "$client" @default "$SSH_ORIGINAL_COMMAND"
