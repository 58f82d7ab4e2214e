/** What `doctor` may find, and what to do about each; QUBE, ROLE and SUBJECT stand for what it is about. */
export const doctorAdvice = {
  'no-role':
    'In dom0: qvm-service QUBE package-rebuilder-ROLE on, and start it again; or say what to look at: rebuilderctl doctor --role ROLE.',
  'memory-small':
    'On Qubes OS, in dom0: qvm-prefs QUBE memory SUBJECT (first maxmem, if that is less), and start it again. Elsewhere: give the host more, or run fewer roles.',
  'disk-small':
    'On Qubes OS, in dom0: qvm-volume resize QUBE:private SUBJECT. Elsewhere: give that file system more.',
  'disk-full': 'See what fills it: du -xh SUBJECT; or give it more.',
  'state-lost':
    'It vanishes when the qube ends: is the package in its template of today? Start the qube again.',
  'program-missing': 'In its template: apt install SUBJECT.',
  configuration: 'The daemon does not start with it: mend the file, then rebuilderctl doctor again.',
  'group-missing': 'Every call of it fails: in its template, usermod --append --groups qubes SUBJECT.',
  'split-gpg-missing':
    'No link can be signed: in its template, apt install split-gpg2 or qubes-gpg-split (Fedora: split-gpg2, qubes-gpg-split), whichever keys:openpgp names.',
  'unit-failed': 'See why: journalctl --unit SUBJECT --pri warning; then systemctl restart SUBJECT.',
  'unit-restarting':
    'It ends again and again. See why: journalctl --unit SUBJECT --pri warning; mended, systemctl restart SUBJECT.',
  'unit-stopped': 'systemctl start SUBJECT; see journalctl --unit SUBJECT.',
} as const;

export type DoctorCode = keyof typeof doctorAdvice;

export type DoctorFinding = Readonly<{ code: DoctorCode; role: string | null; say: string; next: string }>;

export function findingOf(
  code: DoctorCode,
  say: string,
  about: Readonly<{ qube: string; role?: string; subject?: string }>,
): DoctorFinding {
  const next = doctorAdvice[code]
    .replaceAll('QUBE', about.qube)
    .replaceAll('ROLE', about.role ?? 'ROLE')
    .replaceAll('SUBJECT', about.subject ?? 'SUBJECT');
  return { code, role: about.role ?? null, say, next };
}
