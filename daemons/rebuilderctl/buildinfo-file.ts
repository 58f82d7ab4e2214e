import { maxBuildinfoBytes, maxBuildinfos } from '../lib/contracts/trigger.ts';
import { bufferObject, type OutgoingObject } from '../lib/wire/frame.ts';
import { CommandError } from './errors.ts';
import { readCapped } from './read-file.ts';

/** Reads buildinfos to be sent with a trigger; what is in them is for the getter to judge. */
export async function readBuildinfos(paths: readonly string[]): Promise<OutgoingObject[]> {
  if (paths.length > maxBuildinfos) {
    throw new CommandError(`${paths.length} buildinfos given, at most ${maxBuildinfos} can be sent`);
  }
  return Promise.all(paths.map(async (path) => bufferObject(await readCapped(path, maxBuildinfoBytes))));
}
