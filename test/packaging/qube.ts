import { qubeOf } from '../../daemons/lib/contracts/qubes.ts';
import type { DaemonRole } from '../../daemons/lib/domain/roles.ts';
import type { MachineOptions } from '../support/machine.ts';

/** What a qube may be switched on for: a role, or builds in disposables. */
type QubeFlag = DaemonRole | 'disposable';

/** What Qubes' own units do before ours start, as far as ours see it (facts: systemd-in-qubes, "Boot order"). */
const flags = (roles: readonly QubeFlag[], isTemplate: boolean) => `\
[Unit]
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mkdir -p /run/qubes-service /run/qubes
${roles.map((role) => `ExecStart=/bin/touch /run/qubes-service/package-rebuilder-${role}\n`).join('')}\
${isTemplate ? 'ExecStart=/bin/touch /run/qubes/this-is-templatevm\n' : ''}`;

/** vm-systemd/bind-dirs.sh: what is named is copied to the private volume once, and mounted from there ever after. */
export const bindDirs: MachineOptions = {
  files: {
    'etc/systemd/system/qubes-bind-dirs.service': `\
[Unit]
DefaultDependencies=no
After=qubes-sysinit.service local-fs.target
Before=systemd-tmpfiles-setup.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash /etc/test/bind-dirs.sh
`,
    'etc/test/bind-dirs.sh': `\
binds=()
for conf in /usr/lib/qubes-bind-dirs.d/*.conf; do . "$conf"; done
for folder in "\${binds[@]}"; do
  [ -e "/rw/bind-dirs$folder" ] || { mkdir -p "/rw/bind-dirs\${folder%/*}" && cp -a "$folder" "/rw/bind-dirs$folder"; }
  mount --bind "/rw/bind-dirs$folder" "$folder"
done
`,
  },
  enabled: ['qubes-bind-dirs.service'],
};

/** A qube in which these roles are switched on. */
export function qube(
  roles: readonly QubeFlag[],
  { isTemplate = false, files = {}, enabled = [], ...more }: MachineOptions & { isTemplate?: boolean } = {},
): MachineOptions {
  return {
    ...more,
    files: { 'etc/systemd/system/qubes-sysinit.service': flags(roles, isTemplate), ...files },
    enabled: ['qubes-sysinit.service', ...enabled],
  };
}

/** What the webhook does not start without: a file of hooks that its user alone may read. */
export const webhooks: Readonly<Record<string, string>> = {
  'rw/config/package-rebuilder/rebuilder.conf': '[common]\nwebhook-hooks = /run/webhooks\n',
  'etc/tmpfiles.d/webhooks.conf':
    'f /run/webhooks 0600 rebuilder-webhook rebuilder-webhook - hook plain a-secret-of-enough-characters\n',
};

/** Settings of a unit that a test needs otherwise. */
export function otherwise(role: DaemonRole, text: string): Readonly<Record<string, string>> {
  return { [`etc/systemd/system/package-rebuilder-${role}.service.d/test.conf`]: text };
}

const system = { type: 'AppVM', powerState: 'Running', templateForDispvms: false };
const suite = 'package-rebuilder';

/** qrexec by our own broker and agent: this machine calls as \`caller\`, and is the orchestrator's qube, too. */
export function qrexec(caller: DaemonRole): Required<Pick<MachineOptions, 'files' | 'enabled'>> {
  const broker = {
    policyDirectories: ['/usr/share/package-rebuilder/qrexec/policy'],
    qubes: [
      { ...system, name: 'dom0', type: 'AdminVM', tags: [] },
      ...([caller, 'orchestrator', 'admin'] as const).map((role) => ({
        ...system,
        name: qubeOf(role),
        tags: [suite, `${suite}-${role}`],
      })),
    ],
    callers: {
      [qubeOf(caller)]: { path: '/run/qubes/qrexec-agent' },
      [qubeOf('admin')]: { path: '/run/admin/qrexec-agent' },
    },
    agents: { [qubeOf('orchestrator')]: '/run/orchestrator/agent' },
    disposables: {},
  };
  return {
    files: {
      'etc/test/broker.json': JSON.stringify(broker),
      'etc/systemd/system/qrexec-broker.service': daemon('broker', '/run/qubes /run/admin', openedUp),
      ...agentUnit({ qube: qubeOf('orchestrator'), folder: '/run/orchestrator' }),
    },
    enabled: [],
  };
}

/** The broker alone, as /etc/test/broker.json says, with its callers' folders made before. */
export const brokerUnit = daemon('broker', '/run/qubes');

/** A qube's agent, whose socket is in a folder: its units' name is that of Qubes' own. */
export function agentUnit(of: Readonly<{ qube: string; folder: string; user?: string }>) {
  const door = {
    qube: of.qube,
    socket: `${of.folder}/agent`,
    // Where there is no split-GPG, the vault's own answers.
    servicePath: '/etc/qubes-rpc:/usr/share/package-rebuilder/qrexec/services/vault',
    configPath: '/etc/qubes/rpc-config',
    env: {},
  };
  const user = of.user === undefined ? '' : `User=${of.user}\n`;
  return {
    'etc/test/agent.json': JSON.stringify({ doors: [door] }),
    'etc/systemd/system/qubes-qrexec-agent.service': daemon('agent', of.folder, user),
  };
}

/** Anybody in a qube may call (agent/qrexec-agent.c: mode 0777). */
const openedUp = `\
ExecStartPost=/bin/chmod 0755 /run/qubes /run/admin
ExecStartPost=/bin/chmod 0777 /run/qubes/qrexec-agent /run/admin/qrexec-agent
`;

/** Starts with multi-user.target, as Qubes' agent does. */
function daemon(name: string, folders: string, more = ''): string {
  return `\
[Unit]
After=systemd-user-sessions.service

[Service]
Type=notify
NotifyAccess=all
ExecStartPre=+/bin/mkdir -p ${folders}
ExecStart=/usr/bin/node /usr/lib/package-rebuilder/${name}.js /etc/test/${name}.json
${more}`;
}
