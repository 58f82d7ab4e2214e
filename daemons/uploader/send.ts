import { JobFailure } from '../lib/contracts/job-failure.ts';
import { ProgramError, run } from '../lib/daemon/program.ts';
import type { PublicationPath } from '../lib/domain/names.ts';
import { publishedRoot } from './staged-tree.ts';
import { describeTarget, type Target } from './target.ts';

/**
 * How to tell what the mirror lacks: `changed` trusts the list given, `content` compares what both sides hold; `absent`
 * files are here no more, and are removed there.
 */
export type Compare = 'changed' | 'content' | 'absent';

const compareArgs: Readonly<Record<Compare, string>> = {
  changed: '--ignore-times',
  content: '--checksum',
  absent: '--delete-missing-args',
};

export interface SendOptions {
  readonly compare: Compare;
  readonly signal: AbortSignal;
}

const sendTimeoutMs = 12 * 3_600_000;
const silenceSeconds = 300;
const connectSeconds = 30;
/** rsync's exit code where folders of absent files are absent, too; it removes the files all the same. */
const vanishedCode = 24;

/**
 * Sends files of the staged tree, each whole or not at all: rsync writes beside and renames. What was sent before a
 * failure stays and is not sent again.
 *
 * @returns how many files the mirror took
 * @throws JobFailure `archive-untrusted` if the mirror's host key is not the pinned one, else `archive-unreachable`
 */
export async function send(
  stagedDir: string,
  paths: readonly PublicationPath[],
  target: Target,
  options: SendOptions,
): Promise<number> {
  if (paths.length === 0) return 0;
  const destination = target.kind === 'folder' ? `${target.basedir}/` : `${target.host}:${target.basedir}/`;
  const args = [
    '--from0',
    '--files-from=-',
    '--perms',
    '--chmod=D755,F644',
    '--times',
    '--omit-dir-times',
    '--delay-updates',
    '--stats',
    compareArgs[options.compare],
    `--timeout=${silenceSeconds}`,
    ...(target.kind === 'ssh' ? [`--rsh=${remoteShell(target)}`] : []),
    '--',
    `${stagedDir}/`,
    destination,
  ];
  const list = paths.map((path) => `${publishedRoot}/${path}\0`).join('');
  try {
    const { stdout } = await run('rsync', args, {
      timeoutMs: sendTimeoutMs,
      input: Buffer.from(list, 'utf8'),
      signal: options.signal,
      expectCodes: options.compare === 'absent' ? [0, vanishedCode] : [0],
    });
    return transferred(stdout.toString('utf8'));
  } catch (error) {
    if (error instanceof ProgramError && !options.signal.aborted) throw failureOf(error, target);
    throw error;
  }
}

/** ssh with nothing but what is named here: no user's or machine's settings, no agent, no question, no fallback. */
export function remoteShell(target: Extract<Target, { kind: 'ssh' }>): string {
  const settings = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'PreferredAuthentications=publickey',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile="${literal(target.knownHosts)}"`,
    'GlobalKnownHostsFile=/dev/null',
    'UpdateHostKeys=no',
    'VerifyHostKeyDNS=no',
    `ConnectTimeout=${connectSeconds}`,
    'ServerAliveInterval=15',
    'ServerAliveCountMax=8',
  ];
  return ['ssh', '-F', '/dev/null', '-p', String(target.port), '-i', literal(target.key)]
    .concat(settings.flatMap((setting) => ['-o', setting]))
    .map(quoted)
    .join(' ');
}

/** ssh expands `%` tokens in paths of its settings. */
function literal(path: string): string {
  return path.replaceAll('%', '%%');
}

/** rsync splits the remote shell at blanks outside quotes; a quote within quotes is doubled (rsync(1), --rsh). */
function quoted(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;
}

function transferred(stats: string): number {
  const found = /^Number of regular files transferred: ([\d,.]+)$/m.exec(stats)?.[1];
  return Number(found?.replace(/\D/g, '') ?? 0);
}

function failureOf(error: ProgramError, target: Target): JobFailure {
  const where = describeTarget(target);
  const said = error.stderr.trim().split('\n').slice(-6).join(' ').slice(0, 1_000);
  if (error.code === 'missing') {
    return new JobFailure('archive-unreachable', 'rsync is not installed: install the package rsync');
  }
  if (
    target.kind === 'ssh' &&
    /HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for/i.test(error.stderr)
  ) {
    return new JobFailure(
      'archive-untrusted',
      `${where}: its host key is not the one pinned in ${target.knownHosts}: nothing was sent. ` +
        `Ask whoever runs the host; if the key was truly changed, replace its line there. ssh said: ${said}`,
    );
  }
  if (target.kind === 'ssh' && /Permission denied \(/.test(error.stderr)) {
    return new JobFailure(
      'archive-unreachable',
      `${where}: the host does not accept the key ${target.key}: add its public half to authorized_keys there`,
    );
  }
  const ended = error.code === 'timed-out' ? 'took too long' : `ended with code ${error.exitCode ?? 'none'}`;
  return new JobFailure('archive-unreachable', `${where}: rsync ${ended}: ${said || 'it said nothing'}`);
}
