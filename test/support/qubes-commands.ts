/**
 * The options of the programs that our documents have people type on Qubes OS: qubes-core-admin-client (02bc30a),
 * qubesadmin/tools/*.py; qubes-mgmt-salt, qubesctl; qubes-core-qrexec (b2822df), agent/qrexec-client-vm.c.
 */
export const qubesPrograms: Readonly<Record<string, readonly string[]>> = {
  'qvm-backup': [],
  'qvm-connect-tcp': [],
  'qvm-firewall': [],
  'qvm-ls': ['--raw-list', '--tags', '--fields', '--all'],
  'qvm-prefs': [],
  'qvm-remove': ['--force', '-f'],
  'qvm-run': ['--user', '-u', '--pass-io', '-p', '--service', '--dispvm', '--no-gui', '--no-autostart'],
  'qvm-service': [],
  'qvm-shutdown': ['--wait', '--timeout', '--force', '--all'],
  'qvm-template': [],
  'qvm-volume': [],
  'qrexec-client-vm': ['--buffer-size', '-t', '-T', '--no-filter-escape-chars-stdout'],
  qubesctl: ['--show-output', '--skip-dom0', '--max-concurrency', '--targets', '--all', '--templates'],
};
