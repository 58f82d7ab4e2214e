/**
 * What `layout check` may find, and what to do about each: every code that there is. FILE and KEY stand for the layout and
 * for the key that is meant; OWNER for a fingerprint that the reader has to know.
 */
export const advice = {
  expired:
    'Every client refuses everything now: renew it (rebuilderctl layout renew FILE --expires 1y --owner-key OWNER) and publish it.',
  'expires-soon':
    'Renew it in time (rebuilderctl layout renew FILE --expires 1y --owner-key OWNER) and publish it.',
  unsigned: 'Have its owner sign it: rebuilderctl layout sign FILE --owner-key OWNER.',
  'signature-missing':
    "apt wants the signature of every key in its Keyids: have this owner sign, too (rebuilderctl layout sign FILE --append --owner-key KEY), or take the key out of the clients' Keyids.",
  'signature-bad':
    'The file was changed after this owner had signed it: compare it with what was meant, then have it signed again (rebuilderctl layout sign FILE --owner-key KEY).',
  'owner-key-expired':
    'Extend it (gpg --quick-set-expire KEY 2y) and give its public key to the clients again.',
  'owner-key-expires-soon':
    'Extend it (gpg --quick-set-expire KEY 2y) and give its public key to the clients in time.',
  'step-missing':
    'Rebuilders sign links of a step that is called rebuild: make the layout with rebuilderctl layout init.',
  'threshold-none':
    'Have it ask for at least one rebuilder: rebuilderctl layout add-key FILE --threshold N --owner-key OWNER.',
  'threshold-unreachable':
    'No package can satisfy it: add rebuilders (rebuilderctl layout add-key FILE --rebuilder-key FINGERPRINT --owner-key OWNER), or lower it with --threshold N.',
  'key-missing': 'Put it in: rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER.',
  'key-unnamed':
    'Its links count for nothing: have the step believe it (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'key-unusable':
    'No link by it can be verified: have its holder make a part that signs (gpg --quick-add-key KEY rsa3072 sign 2y) or another key, then add that (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'subkey-left-out':
    'Its holder makes a newer one that in-toto knows (gpg --quick-add-key KEY rsa3072 sign 2y), or revokes that one; then add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'key-expired':
    'A layout keeps the dates of the day the key was put in: extend it (gpg --quick-set-expire KEY 2y), then add it again (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'key-expires-soon':
    'A layout keeps the dates of the day the key was put in: extend it (gpg --quick-set-expire KEY 2y), then add it again (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'subkey-expired':
    'in-toto knows no renewed subkeys: make a new one (gpg --quick-add-key KEY rsa3072 sign 2y), then add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'subkey-expires-soon':
    'in-toto knows no renewed subkeys: make a new one (gpg --quick-add-key KEY rsa3072 sign 2y), then add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'key-outdated':
    'Verifiers go by the copy in the layout: add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key OWNER).',
  'key-collision':
    "in-toto names a link's file by these digits, so one key's links replace the other's: have one holder make another key.",
} as const;

export type FindingCode = keyof typeof advice;

export interface Finding {
  readonly code: FindingCode;
  /** The key, step or file that it is about. */
  readonly subject: string;
  /** What is so. */
  readonly say: string;
  /** What to do. */
  readonly next: string;
  /** Wall time in milliseconds of the end that it is about, if it is about one. */
  readonly at?: number;
}

export interface FindingOptions {
  /** The primary key that has to be acted on, where it is not the subject itself. */
  readonly key?: string;
  readonly at?: number | undefined;
}

export function finding(
  code: FindingCode,
  subject: string,
  say: string,
  { key = subject, at }: FindingOptions = {},
): Finding {
  const next = advice[code].replaceAll('KEY', key.toUpperCase());
  return { code, subject, say, next, ...(at === undefined ? {} : { at }) };
}

/** The same with the file's name where a command wants it. */
export function about(file: string, { next, ...found }: Finding): Finding {
  return { ...found, next: next.replaceAll('FILE', () => file) };
}
