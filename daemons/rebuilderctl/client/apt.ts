import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProgramError, run } from '../../lib/daemon/program.ts';
import { CommandError } from '../errors.ts';
import type { AptItem } from './intoto-config.ts';
import { isSourcesName, places } from './places.ts';
import type { FileState, Root } from './root.ts';
import { maxSourcesBytes } from './sources.ts';

const timeoutMs = 60_000;
const maxDumpLines = 100_000;
/** Names in apt.conf.d that apt reads (apt.conf(5)). */
const confName = /^(?:[A-Za-z0-9_-]+|[A-Za-z0-9_.-]+\.conf)$/;
const confParts = '/etc/apt/apt.conf.d';

/**
 * apt's options on that machine: what apt.conf.d, apt.conf and its own defaults come to.
 *
 * @throws CommandError with apt's own words when it cannot read them, or its sources
 */
export async function readAptItems(root: Root): Promise<readonly AptItem[]> {
  return withAptConf(root, '', readAll);
}

/**
 * Has apt read its configuration and sources as they would be with `files` in place, in a copy.
 *
 * @throws CommandError with apt's own words when it would not
 */
export async function rehearse(
  root: Root,
  files: ReadonlyMap<string, FileState | null>,
): Promise<readonly AptItem[]> {
  const folder = await mkdtemp(join(tmpdir(), 'client-apt-'));
  try {
    const parts = (await root.names(confParts)).filter((name) => confName.test(name));
    const sources = (await root.names(places.sourceParts)).filter(isSourcesName);
    const paths = new Set([
      ...['/etc/apt/apt.conf', places.sourceList],
      ...parts.map((name) => `${confParts}/${name}`),
      ...sources.map((name) => `${places.sourceParts}/${name}`),
      ...[...files.keys()].filter((path) => path.startsWith('/etc/apt/')),
    ]);
    for (const part of [confParts, places.sourceParts]) await mkdir(join(folder, part), { recursive: true });
    for (const path of paths) {
      const file = files.has(path) ? files.get(path) : await root.read(path, maxSourcesBytes);
      if (!file) continue;
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), file.content);
    }
    return await withAptConf(root, `Dir::Etc "${folder}/etc/apt";\n`, readAll);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Env = Readonly<Record<string, string>>;

/** apt reads the file that APT_CONFIG names before all others. */
async function withAptConf<T>(root: Root, more: string, act: (env: Env) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'client-apt-'));
  try {
    const conf = join(folder, 'apt.conf');
    await writeFile(conf, `Dir "${root.folder === '/' ? '/' : `${root.folder}/`}";\n${more}`);
    return await act({ APT_CONFIG: conf });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readAll(env: Env): Promise<readonly AptItem[]> {
  await ask('apt-get', ['indextargets'], env);
  const lines = (await ask('apt-config', ['dump'], env)).split('\n');
  if (lines.length > maxDumpLines) throw new CommandError('apt-config dump: more options than apt can have');
  return lines.flatMap((line) => {
    const match = /^(\S+) "(.*)";$/.exec(line);
    return match === null ? [] : [{ name: match[1] ?? '', value: match[2] ?? '' }];
  });
}

async function ask(program: string, args: readonly string[], env: Env): Promise<string> {
  try {
    const { stdout } = await run(program, args, { timeoutMs, env });
    return stdout.toString('utf8');
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    if (error.code === 'missing') {
      throw new CommandError(
        `${program} is not here: apt's files cannot be checked`,
        'Run it where apt is installed; --root DIR sets another root up.',
        undefined,
        { cause: error },
      );
    }
    const said = error.stderr
      .split('\n')
      .filter((line) => line.startsWith('E: '))
      .map((line) => line.slice(3));
    throw new CommandError(
      `apt would not read its files: ${said.join('; ') || error.message}`,
      'Put the file that it names in order first.',
      undefined,
      { cause: error },
    );
  }
}
