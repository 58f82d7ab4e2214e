import type { Finding as LayoutFinding } from '../../lib/layout/findings.ts';

/**
 * What `client check` may find, and what to do about each: every code of its own. SUBJECT stands for what it is about;
 * `layout-CODE` is what `layout check` would say of the layout.
 */
export const clientAdvice = {
  'not-configured':
    'Set it up: rebuilderctl client install --rebuilder URL --layout FILE --owner-key KEY --convert --apply.',
  'config-hangs':
    'Write the value as a list of one, Name { "value"; }, or have it written: rebuilderctl client install --apply.',
  'config-incomplete':
    'Set it up again: rebuilderctl client install --rebuilder URL --layout FILE --owner-key KEY --apply.',
  'rebuilder-bad-url':
    'Name it otherwise: rebuilderctl client install --rebuilder URL --apply (all of them again).',
  'rebuilders-too-few':
    'Name more of them: rebuilderctl client install --rebuilder URL --rebuilder URL --apply.',
  'rebuilder-unreachable':
    'apt waits for it with each package: see whether the URL is right and the network is up; else leave it out: rebuilderctl client install --rebuilder URL --apply (the others).',
  'rebuilder-knows-nothing':
    'Is the URL right? SUBJECT/sources/PACKAGE/VERSION/metadata is asked for. Compare it with what its operator tells.',
  'rebuilder-not-in-layout':
    "Ask the layout's owner whether there is a newer one that believes this rebuilder: rebuilderctl client install --layout FILE --apply.",
  'no-fail':
    'See `apt-config dump APT::Intoto`: take NoFail out of the file that sets it; if it is meant, rebuilderctl client install --no-fail --apply.',
  'layout-unreadable': 'Put it there: rebuilderctl client install --layout FILE --apply.',
  'owner-key-unreadable':
    'Put the key there: rebuilderctl client install --owner-key KEY --apply (all of them again).',
  'owner-key-unusable':
    'Its holder makes another and signs the layout with that; then rebuilderctl client install --owner-key KEY --layout FILE --apply (all keys again).',
  'not-readable': 'The method runs as user _apt: chmod a+rX SUBJECT.',
  'not-safe': 'Whoever may write it decides what apt installs: chown root: SUBJECT; chmod go-w SUBJECT.',
  'method-missing': 'apt can read no intoto:// source: apt-get install SUBJECT.',
  'method-outdated':
    'apt-transport-in-toto does not run with the Python libraries of Debian 13 and later: apt-get install package-rebuilder-client.',
  'method-replaced':
    'Whatever it is, it may verify nothing: see `apt-config dump Dir::Bin`, take that out of /etc/apt/apt.conf or apt.conf.d, then rebuilderctl client check.',
  'gpg-missing': 'apt-transport-in-toto reads keys by it: apt-get install gnupg.',
  'sources-none': 'Nothing that apt installs is verified: rebuilderctl client install --convert --apply.',
  'sources-unverified':
    'apt takes both for one, and reads all of it by the one that comes first: rebuilderctl client install --convert SUBJECT --apply, or take it out of the sources.',
  'sources-other':
    'If your rebuilders rebuild it, rebuilderctl client install --convert SUBJECT --apply (http and https, in the files where Debian has its sources); if nobody does, take it out of the sources, or answer for it: rebuilderctl client check --accept SUBJECT.',
  'sources-https':
    'apt-transport-in-toto speaks only http to an archive: name one that serves http, or apt-get install package-rebuilder-client.',
  'install-interrupted':
    'Finish it: the same rebuilderctl client install --apply again; or take it back: rebuilderctl client remove --apply.',
  'changed-by-hand':
    'rebuilderctl client install and remove refuse to touch it: take the change back, or give them --force, which keeps it as SUBJECT.save.',
} as const;

export type ClientCode = keyof typeof clientAdvice | `layout-${LayoutFinding['code']}`;

export interface ClientFinding {
  readonly code: ClientCode;
  /** The file, key, URL or package that it is about. */
  readonly subject: string;
  readonly say: string;
  readonly next: string;
}

export function clientFinding(code: keyof typeof clientAdvice, subject: string, say: string): ClientFinding {
  return { code, subject, say, next: clientAdvice[code].replaceAll('SUBJECT', () => subject) };
}

/** With what a client can do about it: a layout is its owner's to change. */
export function ofLayout(file: string, { code, subject, say }: LayoutFinding): ClientFinding {
  return {
    code: `layout-${code}`,
    subject,
    say,
    next: `Its owner learns what to do from rebuilderctl layout check ${file}; here, put the next one in: rebuilderctl client install --layout FILE --apply.`,
  };
}

/** With these in a layout, in-toto refuses every package (facts: in-toto §6). */
const fatal: ReadonlySet<ClientCode> = new Set<ClientCode>([
  'layout-expired',
  'layout-unsigned',
  'layout-signature-missing',
  'layout-signature-bad',
  'layout-owner-key-expired',
  'layout-step-missing',
  'layout-threshold-none',
  'layout-threshold-unreachable',
  'rebuilders-too-few',
]);

export function isFatal({ code }: ClientFinding): boolean {
  return fatal.has(code);
}
