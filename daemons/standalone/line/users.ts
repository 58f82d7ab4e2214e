import { qubeOf } from '../../lib/contracts/qubes.ts';
import { findUsers, type User } from '../../lib/daemon/users.ts';
import { LineError } from './options.ts';
import { brokerUser, disposableUser, type QubeRole } from './roles.ts';

export type Owner = Pick<User, 'name' | 'uid' | 'gid'>;

/** Who owns what of a line: a user each, or, where an ordinary user starts it, all the same one. */
export interface Owners {
  readonly separate: boolean;
  of(role: QubeRole): Owner;
  readonly broker: Owner;
  readonly disposable: Owner;
}

/** Root starts every role as a user of its own, which `make setup` has made; anybody else as themselves. */
export async function findOwners(
  me: Readonly<{ uid: number; gid: number; name: string }>,
  roles: readonly QubeRole[],
): Promise<Owners> {
  if (me.uid !== 0) return { separate: false, of: () => me, broker: me, disposable: me };
  const names = [...roles.map(qubeOf), brokerUser, disposableUser];
  const users = await lookUp(names);
  const of = (name: string): Owner => {
    const user = users.get(name);
    if (user === undefined) throw new LineError('set-up', `user ${name} is missing: run make setup`);
    return user;
  };
  for (const name of names) of(name);
  return {
    separate: true,
    of: (role) => of(qubeOf(role)),
    broker: of(brokerUser),
    disposable: of(disposableUser),
  };
}

/** Those of the users that there are. */
export async function lookUp(names: readonly string[]): Promise<ReadonlyMap<string, Owner>> {
  return new Map((await findUsers(names)).map((user) => [user.name, user]));
}
