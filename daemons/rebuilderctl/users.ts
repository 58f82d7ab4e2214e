import { run } from '../lib/daemon/program.ts';

const quickMs = 60_000;

/** A user of this host: passwd(5). */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export async function findUser(nameOrUid: string): Promise<User | undefined> {
  const { stdout } = await run('getent', ['passwd', nameOrUid], { timeoutMs: quickMs, expectCodes: [0, 2] });
  const [name, , uid, gid, , home] = stdout.toString('utf8').trimEnd().split(':');
  if (!name || !uid || !gid || !home) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}
