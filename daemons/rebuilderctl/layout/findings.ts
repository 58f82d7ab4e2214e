/** What `layout check` may find, and what to do about each: every code that there is. */
export const advice = {
  expired:
    'Every client refuses everything now: renew it (rebuilderctl layout renew FILE --expires 1y --owner-key FPR) and publish it.',
  'expires-soon':
    'Renew it in time (rebuilderctl layout renew FILE --expires 1y --owner-key FPR) and publish it.',
  unsigned: 'Have its owner sign it: rebuilderctl layout sign FILE --owner-key FPR.',
  'signature-missing':
    "apt wants the signature of every key in its Keyids: have this owner sign, too (rebuilderctl layout sign FILE --append --owner-key FPR), or take the key out of the clients' Keyids.",
  'signature-bad':
    'The file was changed after this owner had signed it: compare it with what was meant, then have it signed again (rebuilderctl layout sign FILE --owner-key FPR).',
  'owner-key-expired':
    'Extend it (gpg --quick-set-expire FPR 2y) and give its public key to the clients again.',
  'owner-key-expires-soon':
    'Extend it (gpg --quick-set-expire FPR 2y) and give its public key to the clients in time.',
  'step-missing':
    'Rebuilders sign links of a step that is called rebuild: make the layout with rebuilderctl layout init.',
  'threshold-none':
    'Have it ask for at least one rebuilder: rebuilderctl layout add-key FILE --threshold N --owner-key FPR.',
  'threshold-unreachable':
    'No package can satisfy it: add rebuilders (rebuilderctl layout add-key FILE --rebuilder-key KEY) or lower it with --threshold.',
  'key-missing': 'Put it in: rebuilderctl layout add-key FILE --rebuilder-key KEY --owner-key FPR.',
  'key-unnamed':
    'Its links count for nothing: have the step believe it (rebuilderctl layout add-key FILE --rebuilder-key KEY).',
  'key-unusable':
    'No link by it can be verified: have its holder make a signing part (gpg --quick-add-key FPR rsa3072 sign 2y), then add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY).',
  'key-expired':
    'A layout keeps the dates of the day the key was put in: extend it (gpg --quick-set-expire FPR 2y), then add it again (rebuilderctl layout add-key FILE --rebuilder-key KEY).',
  'key-expires-soon':
    'A layout keeps the dates of the day the key was put in: extend it (gpg --quick-set-expire FPR 2y), then add it again (rebuilderctl layout add-key FILE --rebuilder-key KEY).',
  'subkey-expired':
    'in-toto knows no renewed subkeys: make a new one (gpg --quick-add-key FPR rsa3072 sign 2y), then add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY).',
  'subkey-expires-soon':
    'in-toto knows no renewed subkeys: make a new one (gpg --quick-add-key FPR rsa3072 sign 2y), then add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY).',
  'key-outdated':
    'Verifiers go by the copy in the layout: add the key again (rebuilderctl layout add-key FILE --rebuilder-key KEY).',
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
}

export function finding(code: FindingCode, subject: string, say: string): Finding {
  return { code, subject, say, next: advice[code] };
}
