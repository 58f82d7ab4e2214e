import type { DaemonRole } from '../../lib/domain/roles.ts';

/** What a role's qube has to have. All standing qubes together fit in 3 GiB. */
export interface Needs {
  /** MiB of the whole qube: its system, the daemon and what the daemon starts (`make bench ONLY=idle-memory`). */
  readonly memory: number;
  /** MiB of the file system that holds its state. */
  readonly disk: number;
  /** Programs that it runs, with the Debian package of each. */
  readonly programs: Readonly<Record<string, string>>;
}

const gnupg = { gpg: 'gpg', 'gpg-agent': 'gpg-agent' };
const archives = { gpgv: 'gpgv', xz: 'xz-utils', zstd: 'zstd' };

export const needs: Readonly<Record<DaemonRole, Needs>> = {
  orchestrator: { memory: 500, disk: 20_480, programs: {} },
  getter: { memory: 400, disk: 2_048, programs: { ...archives, 'apt-get': 'apt', 'dpkg-deb': 'dpkg' } },
  rebuilder: { memory: 400, disk: 10_240, programs: {} },
  attester: { memory: 400, disk: 2_048, programs: { ...archives, ...gnupg } },
  vault: { memory: 300, disk: 512, programs: gnupg },
  reporter: { memory: 300, disk: 512, programs: {} },
  uploader: { memory: 300, disk: 2_048, programs: { rsync: 'rsync', ssh: 'openssh-client' } },
  webhook: { memory: 300, disk: 512, programs: {} },
};
