import { run } from '../../lib/daemon/program.ts';
import { identityOf, type User } from '../../lib/daemon/users.ts';

/** What is done in a role's own folders is done as that role: root would follow whatever links the role has put there. */

const quickMs = 60_000;

export function asUser(user: User, command: readonly string[]): readonly [string, readonly string[]] {
  return ['setpriv', [...identityOf(user), '--', ...command]];
}

export async function makeFolderAs(user: User, path: string): Promise<void> {
  await runAs(user, ['mkdir', '--parents', '--mode=700', '--', path]);
}

/** The file, or nothing where there is none. */
export async function readAs(user: User, path: string): Promise<Buffer | undefined> {
  const absent = 3;
  const script = `[ -e "$1" ] || exit ${absent}; exec cat -- "$1"`;
  const { stdout, exitCode } = await runAs(user, ['sh', '-c', script, 'sh', path], {
    expectCodes: [0, absent],
  });
  return exitCode === absent ? undefined : stdout;
}

/** Replaces a file, or makes it, whole and on the disk; it is its owner's alone. */
export async function writeAs(user: User, path: string, bytes: Uint8Array): Promise<void> {
  const script =
    'umask 077; rm -f -- "$1.new"; cat >"$1.new"; sync -- "$1.new"; mv --no-target-directory -- "$1.new" "$1"; sync -- "$(dirname -- "$1")"';
  await runAs(user, ['sh', '-ec', script, 'sh', path], { input: bytes });
}

export async function runAs(
  user: User,
  command: readonly string[],
  more: Readonly<{ input?: Uint8Array; expectCodes?: readonly number[]; timeoutMs?: number }> = {},
) {
  const [program, args] = asUser(user, command);
  return await run(program, args, { timeoutMs: quickMs, cwd: '/', ...more });
}
