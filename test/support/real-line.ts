import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import { endAgents } from '../demo/keys.ts';
import { type DemoLine, startDemoLine } from '../demo/line.ts';
import { startSshd } from './sshd.ts';

/** A whole line under root, in a folder of its own, with an sshd as its mirror. */
export interface RealLine {
  readonly folder: string;
  readonly ctl: DemoLine['ctl'];
  readonly vaultKey: DemoLine['vaultKey'];
  /** Ends it and starts it again in the same folders, by another configuration. */
  restart(settings: string): Promise<void>;
  /** Ends it and leaves nothing behind, GnuPG's agent in these folders included. */
  close(...gnupgHomes: readonly string[]): Promise<void>;
}

export async function openRealLine(
  options: Readonly<{ settings?: string; args?: readonly string[] }> = {},
): Promise<RealLine> {
  const folder = await mkdtemp(join(tmpdir(), 'real-line-'));
  const at = (name: string) => join(folder, name);
  await run('chmod', ['711', folder], { timeoutMs: 10_000 });
  for (const name of ['sshd', 'mirror', 'line', 'cache']) await mkdir(at(name));
  const sshd = await startSshd(at('sshd'));
  const close = async (line: DemoLine | undefined, homes: readonly string[]) => {
    await line?.stop();
    await sshd.stop();
    await endAgents(at('line/state/vault/gnupg'), ...homes);
    await rm(folder, { recursive: true, force: true });
  };
  const mirror = { sshd, basedir: at('mirror') };
  const start = (settings: string | undefined) =>
    startDemoLine({
      folder: at('line'),
      cache: at('cache'),
      mirror,
      ...options,
      ...(settings === undefined ? {} : { settings }),
    });
  let line: DemoLine | undefined;
  try {
    const first = await start(options.settings);
    line = first;
    return {
      folder,
      ctl: (...args) => (line ?? first).ctl(...args),
      vaultKey: first.vaultKey,
      async restart(settings) {
        await line?.stop();
        line = undefined;
        line = await start(settings);
      },
      close: (...homes) => close(line, homes),
    };
  } catch (error) {
    await close(undefined, []).catch(() => {});
    throw error;
  }
}
