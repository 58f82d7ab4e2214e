import type { UnitRole } from './roles.ts';

/** Each group of settings under the reason why it stands, or does not stand, there: systemd.exec(5). */
export function hardening(role: UnitRole): string {
  return [always, devices(role), network(role)].join('\n');
}

const always = `\
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateIPC=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
UMask=0077
# What it holds in memory is in no file.
LimitCORE=0
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# No MemoryDenyWriteExecute: Node compiles what it runs into memory that it has written.
`;

/** What libvchan opens for a call (QubesOS/qubes-core-vchan-xen: vchan/init.c), of group \`qubes\`. */
// libxencall opens hypercall after privcmd, and takes any refusal but ENOENT for a failure (Xen's tools/libs/call/linux.c).
const xenDevices = ['evtchn', 'gntalloc', 'gntdev', 'hypercall', 'privcmd', 'xenbus'];

function devices({ calls }: UnitRole): string {
  if (!calls) return 'DevicePolicy=closed\nPrivateDevices=yes\nPrivateUsers=yes\n';
  const allowed = xenDevices.map((name) => `DeviceAllow=/dev/xen/${name} rw\n`).join('');
  return `\
# No PrivateDevices: it has nothing of /dev/xen, through which every call goes. No PrivateUsers: the group \`qubes\`, to
# which these devices belong, is nobody's there.
DevicePolicy=closed
${allowed}`;
}

function network({ hasNetwork }: UnitRole): string {
  if (!hasNetwork) return 'PrivateNetwork=yes\nIPAddressDeny=any\nRestrictAddressFamilies=AF_UNIX\n';
  return `\
# No PrivateNetwork: it is one of the few that has one. The C library asks the kernel by netlink which addresses it has.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
`;
}
