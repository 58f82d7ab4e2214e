import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { configPaths, loadConfig } from '../../lib/daemon/config.ts';
import { addHook, removeHook } from '../edit-hooks.ts';
import { HooksError, parseHooks } from '../hooks.ts';
import { readPrivate } from '../hooks-file.ts';
import { styles } from '../signature.ts';

const usage = `usage: webhook-hooks add NAME ${styles.join('|')} [DIST] [--given]
       webhook-hooks remove NAME
       webhook-hooks list
Changes the file that webhook-hooks of rebuilder.conf names, as root in the webhook's qube. add makes a secret and prints
it, this once, for the forge; with --given the secret is one that the forge made, a line of standard input (GitLab's
signing token). With DIST that one is looked at, else every one. list prints names, styles and dists, no secret.
`;

const restart =
  'systemctl reset-failed package-rebuilder-webhook; systemctl restart package-rebuilder-webhook';

async function main(args: readonly string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { given: { type: 'boolean', default: false } },
  });
  const [verb, name, style, dist, ...more] = positionals;
  const path = loadConfig('webhook', { paths: configPaths(process.env), env: process.env }).common
    .webhookHooks;
  if (path === undefined) {
    throw new HooksError(
      'webhook-hooks of rebuilder.conf is not set: expected the path of the file of hooks',
    );
  }
  if (verb === 'list' && name === undefined) return await list(path);
  if (name === undefined || more.length > 0) throw new Error(usage);
  if (verb === 'add' && style !== undefined) {
    const secret = values.given ? await givenSecret() : randomBytes(32).toString('hex');
    await addHook(path, [name, style, secret, ...(dist === undefined ? [] : [dist])]);
    if (!values.given) process.stdout.write(`${secret}\n`);
  } else if (verb === 'remove' && style === undefined) await removeHook(path, name);
  else throw new Error(usage);
  process.stderr.write(`${path} is written; then: ${restart}\n`);
}

async function givenSecret(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('The secret, as the forge shows it: ');
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    return line.trim();
  }
  throw new Error('no secret came');
}

async function list(path: string): Promise<void> {
  for (const { name, style, dist } of parseHooks(await readPrivate(path), path).values()) {
    process.stdout.write(`${[name, style, ...(dist === undefined ? [] : [dist])].join(' ')}\n`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`webhook-hooks: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
