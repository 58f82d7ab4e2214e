import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Who builds: nobody that any package knows. */
export const builder = { name: 'builder', uid: 1000, gid: 1000, home: '/nonexistent' } as const;

/** Makes the build's user known to the root. */
export async function addBuilder(root: string): Promise<void> {
  const { name, uid, gid, home } = builder;
  await appendFile(join(root, 'etc/passwd'), `${name}:x:${uid}:${gid}:${name}:${home}:/bin/sh\n`);
  await appendFile(join(root, 'etc/group'), `${name}:x:${gid}:\n`);
}
