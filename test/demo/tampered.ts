import { copyFile, mkdir, open, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';

const minute = 60_000;

/**
 * A local archive that holds one official .deb with one byte changed, its index made and signed anew, so that apt's
 * own checks pass and only in-toto can notice. Returns the line for sources.list, without its URL's scheme and host.
 */
export async function makeTamperedArchive(options: {
  folder: string;
  deb: string;
  /** apt's local name, which an epoch makes different from the pool's. */
  gnupgHome: string;
  signer: string;
}): Promise<{ keyring: string }> {
  const pool = join(options.folder, 'pool');
  const dist = join(options.folder, 'dists/demo');
  const index = join(dist, 'main/binary-amd64');
  await mkdir(pool, { recursive: true });
  await mkdir(index, { recursive: true });
  const copy = join(pool, basename(options.deb));
  await copyFile(options.deb, copy);
  await changeOneByte(copy);
  const scan = await run('apt-ftparchive', ['packages', 'pool'], { cwd: options.folder, timeoutMs: minute });
  await writeFile(join(index, 'Packages'), scan.stdout);
  const release = await run(
    'apt-ftparchive',
    [
      '-o=APT::FTPArchive::Release::Suite=demo',
      '-o=APT::FTPArchive::Release::Codename=demo',
      '-o=APT::FTPArchive::Release::Components=main',
      '-o=APT::FTPArchive::Release::Architectures=amd64',
      'release',
      dist,
    ],
    { timeoutMs: minute },
  );
  await writeFile(join(dist, 'Release'), release.stdout);
  const gpg = ['--homedir', options.gnupgHome, '--batch', '--yes', '--local-user', options.signer];
  await run('gpg', [...gpg, '--clearsign', '--output', join(dist, 'InRelease'), join(dist, 'Release')], {
    timeoutMs: minute,
  });
  const keyring = join(options.folder, 'archive-keyring.gpg');
  await run('gpg', [...gpg, '--output', keyring, '--export', options.signer], { timeoutMs: minute });
  return { keyring };
}

/** The last byte of the payload but a few: far from the control part, which apt-ftparchive reads. */
async function changeOneByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, size - 40);
    byte.writeUInt8(byte.readUInt8() ^ 1);
    await file.write(byte, 0, 1, size - 40);
  } finally {
    await file.close();
  }
}
