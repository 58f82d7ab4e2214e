import { run } from './program.ts';

/** Users of this host, and programs that run as one of them. */

const quickMs = 60_000;

/** passwd(5). */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Those that there are, of these names or numbers. */
export async function findUsers(keys: readonly string[]): Promise<readonly User[]> {
  // Without a name getent tells of everybody.
  if (keys.length === 0) return [];
  // It answers 2 when some of the names are unknown, and still tells of the others.
  const { stdout } = await run('getent', ['passwd', ...keys], { timeoutMs: quickMs, expectCodes: [0, 2] });
  return stdout
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [name, , uid, gid, , home = ''] = line.split(':');
      return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid), home }] : [];
    });
}

/** The options by which setpriv(1) makes a program that user's. */
export function identityOf({ uid, gid }: Pick<User, 'uid' | 'gid'>): readonly string[] {
  return ['--reuid', String(uid), '--regid', String(gid), '--init-groups'];
}
