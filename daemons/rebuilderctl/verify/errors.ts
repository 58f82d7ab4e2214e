import type { EvidenceCode } from '../../lib/evidence/published/errors.ts';
import type { VerificationCode } from '../../lib/intoto/errors.ts';

/** Why nothing could be decided. */
export type UnjudgedCode =
  | 'package-unreadable'
  | 'layout-missing'
  | 'no-owner-key'
  | 'owner-key-missing'
  | 'publication-unreachable';

/** The file is a package, and another than it is called. */
export type MisnamedCode = 'package-misnamed';

/** Why evidence could not be judged. */
type UnjudgedEvidenceCode = 'statement-key-missing' | 'index-unreadable';

export type VerifyCode = VerificationCode | MisnamedCode | EvidenceCode | UnjudgedCode | UnjudgedEvidenceCode;

/** Something without which a package cannot be judged. */
export class VerifyError extends Error {
  override readonly name = 'VerifyError';
  constructor(
    readonly code: UnjudgedCode | UnjudgedEvidenceCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What to do about each, for whoever holds the package: every code that there is. */
export const linkAdvice: Readonly<Record<VerificationCode | MisnamedCode | UnjudgedCode, string>> = {
  'package-unreadable': 'Name a .deb that is whole; apt-get download PACKAGE fetches one.',
  'package-misnamed':
    'Somebody put another package, or another version, in its place: do not install it. If you renamed it, give it its own name.',
  'layout-missing': 'Name the root layout that you got from its owner.',
  'owner-key-missing':
    "Import the layout owner's public key (gpg --import FILE), name another key ring with --gpg-home DIR, or name the file with the key.",
  'publication-unreachable':
    'Try again; without it the links that were found do not suffice, so nothing is known about the package.',
  'layout-unreadable': 'Get the root layout again from its owner: this file is none, or damaged.',
  'no-owner-key': "Name the owner's key with --owner-key: without one anybody could have written the layout.",
  'layout-unsigned':
    'Is it the right owner key? If it is, ask the owner for a layout that is signed with it (rebuilderctl layout check shows who signed).',
  'layout-signature-bad':
    'Do not use this layout: it was changed after it had been signed. Get it again from its owner.',
  'owner-key-expired': "Get the owner's renewed public key; if there is none, ask the owner.",
  'layout-expired': 'Get a renewed layout from its owner (who makes it with rebuilderctl layout renew).',
  'link-not-found':
    'Too few rebuilders vouch for this version: wait until they have rebuilt it, name further publications, or see at theirs why they could not. Until then nobody but the archive says that it is good.',
  'threshold-not-met':
    'Links are there, and too few of them are good: see each reason. Tell the rebuilders; do not install it.',
  'links-disagree':
    'Rebuilders of one threshold got different files, or rebuilt different architectures: compare what they list (rebuilderctl inspect LINK), and tell them.',
  'signature-unsupported':
    'in-toto stops here, too: the layout or a link has a key or signature of a kind that does not fit. Tell the owner of the layout.',
  'inspection-unsupported':
    'rebuilderctl runs no command that a layout names: ask its owner for one that rebuilderctl layout init made.',
  'file-not-in-link':
    'A rebuilder vouches for this version, not for this file: is it of another architecture, or renamed? Do not install it.',
  'hash-differs':
    'These are not the bytes that were rebuilt: the download is damaged, or somebody changed the package. Do not install it; fetch it again and compare.',
  'hash-set-differs':
    'The bytes are the ones that were rebuilt, but apt refuses a link with further hashes: have the rebuilder list sha256 alone.',
  'rule-violated': 'The layout forbids what the links say: show this to its owner.',
};

/** The same of what a verdict rests on. */
export const evidenceAdvice: Readonly<Record<EvidenceCode | UnjudgedEvidenceCode, string>> = {
  'statement-key-missing':
    "Name the rebuilder's public key: KEYID.pem of its publication, got in a way that you trust.",
  'index-unreadable':
    'Name a Packages file, packed or not, or a folder of them: apt keeps its own in /var/lib/apt/lists.',
  'statement-missing':
    'The rebuilder publishes no statement for this build: ask it, or leave out --statement-key.',
  'statement-unsigned':
    'Is it the right key? If it is, the statement was changed: tell the rebuilder, and do not install the package.',
  'statement-malformed': 'The publication is damaged: fetch it again, or tell the rebuilder.',
  'statement-other':
    'The statement is of another build, or says otherwise: tell the rebuilder; do not install the package.',
  'evidence-missing':
    'The rebuilder publishes no evidence for this build: ask it, or verify without --evidence.',
  'evidence-malformed': 'The publication is damaged: fetch it again, or tell the rebuilder.',
  'evidence-replaced':
    'Somebody changed the evidence after it was signed: fetch it again, or tell the rebuilder.',
  'evidence-other': 'The evidence is of another build, or says otherwise: tell the rebuilder.',
  'release-missing': 'The publication is not whole: fetch it again, or tell the rebuilder.',
  'release-replaced': 'The publication is damaged: fetch it again, or tell the rebuilder.',
  'release-untrusted':
    "Name the archive's key with --archive-keyring [SUITE=]FILE; if it is there, the rebuilder compared with an archive that nobody signed.",
  'index-lacks-file':
    'The archive does not have these bytes, whatever the rebuilder says: do not install the package.',
  'buildinfo-missing': 'The publication is not whole: fetch it again, or tell the rebuilder.',
  'buildinfo-replaced': 'The publication is damaged: fetch it again, or tell the rebuilder.',
  'buildinfo-other':
    'The environment was taken from a buildinfo of something else: tell the rebuilder; the verdict proves nothing.',
};

export const advice: Readonly<Record<VerifyCode, string>> = { ...linkAdvice, ...evidenceAdvice };
