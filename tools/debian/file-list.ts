import type { Generated } from '../qrexec/generated.ts';
import { unitRoles } from '../systemd/roles.ts';

const lib = 'usr/lib/package-rebuilder';

/** What is installed besides roles: source and folder of each. */
const others: readonly (readonly [from: string, to: string])[] = [
  ['build/bin/rebuilder-keys', lib],
  ['build/bin/rebuilderctl', lib],
  ['build/lib/builder.js', lib],
  ['build/lib/forker.pl', lib],
  ['build/lib/package.json', lib],
  ['build/lib/rebuilderctl.js', lib],
  ['build/lib/rebuilder-keys.js', lib],
  ['build/lib/webhook-hooks.js', lib],
  ['config/rebuilder.conf', 'etc/package-rebuilder'],
  ['node_modules/@libsql/*', `${lib}/node_modules/@libsql`],
  ['node_modules/@neon-rs/load', `${lib}/node_modules/@neon-rs`],
  ['node_modules/detect-libc', `${lib}/node_modules`],
  ['node_modules/libsql', `${lib}/node_modules`],
  ['qrexec/rpc-config/rebuilder.*', 'etc/qubes/rpc-config'],
  // The doors of split-GPG are Qubes' own packages there.
  ['qrexec/services/*/rebuilder.*', 'etc/qubes-rpc'],
  ['systemd/qubes/bind-dirs.d/*', 'usr/lib/qubes-bind-dirs.d'],
  ['systemd/qubes/journald.conf.d/*', 'usr/lib/systemd/journald.conf.d'],
  ['systemd/qubes/package-rebuilder-journal.service', 'usr/lib/systemd/system'],
  ['systemd/system-preset/60-package-rebuilder.preset', 'usr/lib/systemd/system-preset'],
  ['systemd/system/package-rebuilder-*', 'usr/lib/systemd/system'],
  ['systemd/sysusers.d/package-rebuilder.conf', 'usr/lib/sysusers.d'],
  ['systemd/tmpfiles.d/package-rebuilder.conf', 'usr/lib/tmpfiles.d'],
  ['tools/users.sh', lib],
];

/** debian/package-rebuilder.install: dh_install(1). */
export function fileList(): Generated {
  const roles = unitRoles.map(({ role }) => [`build/lib/${role}.js`, lib] as const);
  const text = [...roles, ...others].map((pair) => `${pair.join(' ')}\n`).sort();
  return { path: 'debian/package-rebuilder.install', kind: 'text', text: text.join(''), executable: false };
}
