import { open } from 'node:fs/promises';
import { maxBuildinfoBytes, maxBuildinfos } from '../lib/contracts/trigger.ts';
import { bufferObject, type OutgoingObject } from '../lib/wire/frame.ts';
import { CommandError } from './errors.ts';

/** Reads buildinfos to be sent with a trigger; what is in them is for the getter to judge. */
export async function readBuildinfos(paths: readonly string[]): Promise<OutgoingObject[]> {
  if (paths.length > maxBuildinfos) {
    throw new CommandError(`${paths.length} buildinfos given, at most ${maxBuildinfos} can be sent`);
  }
  return Promise.all(paths.map(async (path) => bufferObject(await readCapped(path, maxBuildinfoBytes))));
}

/** A file of at most `max` bytes, whole. */
export async function readCapped(path: string, max: number): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of file.createReadStream({ autoClose: false })) {
        size += (chunk as Buffer).length;
        if (size > max) throw new CommandError(`${path}: larger than ${max} bytes`);
        chunks.push(chunk as Buffer);
      }
      return Buffer.concat(chunks);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CommandError(`${path}: cannot be read (${reason})`, undefined, undefined, { cause: error });
  }
}
