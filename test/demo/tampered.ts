import { copyFile, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { LocalArchive } from '../support/local-archive.ts';

/**
 * A local archive that holds one official .deb with one byte changed, its index made and signed anew, so that apt's
 * own checks pass and only in-toto can notice. The caller removes it.
 */
export async function makeTamperedArchive(deb: string): Promise<LocalArchive> {
  const archive = new LocalArchive({ codename: 'demo' });
  const folder = await mkdtemp(join(tmpdir(), 'tampered-'));
  const copy = join(folder, basename(deb));
  await copyFile(deb, copy);
  await changeOneByte(copy);
  archive.addDeb(copy);
  await rm(folder, { recursive: true });
  archive.publish();
  return archive;
}

/** A byte near the payload's end: far from the control part, which the index is made from. */
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
