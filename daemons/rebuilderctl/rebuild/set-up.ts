import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { ConfigError, readConfigFile } from '../../lib/daemon/config-file.ts';
import { CommandError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A folder that lives for this one command; every role passes through it to its own. */
export async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'rebuild-'));
  await chmod(dir, 0o711);
  return dir;
}

/**
 * Where bases, .debs and indexes are kept from one rebuild to the next. Root's is not in its home: under root every
 * role is a user of its own, and root's home is closed to them.
 */
export async function cacheFolder(env: Env, isRoot: boolean): Promise<string> {
  const named = env.XDG_CACHE_HOME;
  const home =
    named !== undefined && isAbsolute(named)
      ? named
      : isRoot
        ? '/var/cache'
        : join(env.HOME ?? '/nonexistent', '.cache');
  const folder = join(home, 'package-rebuilder');
  try {
    await mkdir(folder, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw new CommandError(
      `${folder}: cannot be made (${(error as NodeJS.ErrnoException).code})`,
      'Name another folder in XDG_CACHE_HOME.',
      undefined,
      { cause: error },
    );
  }
  return folder;
}

/** What the command line decides; the person's own file has no say in it. */
const ours: ReadonlySet<string> = new Set([
  'broker',
  'backend',
  'mongodb',
  'max_retries',
  'dist',
  'schedule',
  'schedule_get',
  'schedule_generate_results',
  'in-toto-sign-key-fpr',
  'in-toto-sign-key-unreproducible-fpr',
  'openpgp',
  'root-layout',
  'keep-bases',
]);

export interface ConfigChoices {
  /** A rebuilder.conf whose feeds, limits and mirrors are taken over. */
  readonly base: string | undefined;
  /** Lines as in apt's sources.list; none: the base's, or the host's own apt configuration. */
  readonly mirrors: readonly string[];
  /** Whether the base that this rebuild makes is kept for later ones. */
  readonly keepBase: boolean;
}

/**
 * The rebuilder.conf of one rebuild: no feed of its own, no second try, and the key that the line's vault makes
 * (`@VAULT_KEY@` stands for its fingerprint).
 *
 * @throws ConfigError, CommandError
 */
export function configText({ base, mirrors, keepBase }: ConfigChoices): string {
  const sections = new Map<string, Map<string, string>>([
    ['celery', new Map([['max_retries', '0']])],
    [
      'common',
      new Map([
        ['in-toto-sign-key-fpr', '@VAULT_KEY@'],
        ['keep-bases', keepBase ? 'finish' : 'no'],
      ]),
    ],
  ]);
  const put = (section: string, name: string, value: string) => {
    const options = sections.get(section) ?? new Map<string, string>();
    sections.set(section, options.set(name, value));
  };
  if (base !== undefined) {
    const file = readConfigFile(base);
    if (file === undefined) {
      throw new ConfigError(base, undefined, '', 'no such file', 'a rebuilder.conf');
    }
    for (const [section, { options }] of file.sections) {
      for (const [name, { value }] of options) {
        if (!ours.has(name) && !(name === 'mirror' && mirrors.length > 0)) put(section, name, value);
      }
    }
  }
  if (mirrors.length > 0) put('common', 'mirror', mirrors.join('\n'));
  return [...sections]
    .map(([name, options]) => `[${name}]\n${[...options].map(optionText).join('')}`)
    .join('\n');
}

/** Further lines of a value are indented; a blank line would end it. */
function optionText([name, value]: readonly [string, string]): string {
  return `${name} = ${value
    .split('\n')
    .filter((line) => line.trim() !== '')
    .join('\n    ')}\n`;
}
