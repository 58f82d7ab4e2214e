import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';

export type Owner = Readonly<{ home: string; fingerprint: string }>;

const minute = 60_000;

/** The layout's owner: somebody whom the verifier trusts, apart from every rebuilder. */
export async function makeOwner(home: string): Promise<Owner> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const gpg = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
  await run('gpg', [...gpg, '--quick-generate-key', 'demo layout owner', 'rsa3072', 'sign', 'never'], {
    timeoutMs: minute,
  });
  const { stdout } = await run('gpg', [...gpg, '--with-colons', '--list-keys'], { timeoutMs: minute });
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(stdout.toString())?.[1];
  if (!fingerprint) throw new Error('gpg made no key for the layout');
  return { home, fingerprint };
}

/** Makes the root layout with our own command line, has the owner sign it, and gathers the public keys. */
export async function makeSignedLayout(options: {
  owner: Owner;
  rebuilder: string;
  layout: string;
  keyring: string;
}): Promise<void> {
  const ctl = (...args: readonly string[]) => run('build/bin/rebuilderctl', args, { timeoutMs: minute });
  await ctl(
    ...[
      'layout',
      'init',
      '--rebuilder-key',
      options.rebuilder,
      '--expires',
      '1y',
      '--output',
      options.layout,
    ],
    ...['--owner-key', options.owner.fingerprint, '--gpg-home', options.owner.home],
  );

  await mkdir(options.keyring, { recursive: true, mode: 0o700 });
  const gpg = (home: string, ...args: readonly string[]) =>
    run('gpg', ['--homedir', home, '--batch', ...args], { timeoutMs: minute });
  const exported = join(options.owner.home, 'owner.asc');
  await gpg(options.owner.home, '--armor', '--output', exported, '--export', options.owner.fingerprint);
  await gpg(options.keyring, '--import', exported, options.rebuilder);
}

/** gpg leaves an agent behind in each home that it was asked in. */
export async function endAgents(...homes: readonly string[]): Promise<void> {
  for (const home of homes) await run('gpgconf', ['--homedir', home, '--kill', 'all'], { timeoutMs: minute });
}
