import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where our package has it on a host that is not Qubes, and where Qubes itself has its own. */
const installed = '/usr/bin/qrexec-client-vm';

/** The qrexec-client-vm that belongs to programs in `lib`: a checkout's own, else the host's. */
export function clientBeside(lib: string): string {
  const built = join(lib, '../bin/qrexec-client-vm');
  return existsSync(built) ? built : installed;
}
