import { open } from 'node:fs/promises';
import { CommandError } from './errors.ts';

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
