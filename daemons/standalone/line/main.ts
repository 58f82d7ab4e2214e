import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stateFolder } from '../../lib/contracts/line.ts';
import { inheritedNames, seedFolder } from '../../lib/contracts/seed.ts';
import { systemClock } from '../../lib/daemon/clock.ts';
import { openLog } from '../../lib/daemon/log.ts';
import { openNotify } from '../../lib/daemon/notify.ts';
import { quitSignal, stopSignal } from '../../lib/daemon/stop.ts';
import { clientBeside } from '../../lib/wire/client-program.ts';
import { onStdinEnd } from '../protocol/stdin-end.ts';
import { type Line, startLine } from './line.ts';
import { type LineOptions, parseLineOptions } from './options.ts';
import { rerunReachable } from './reach.ts';

/** A whole line on one host: prints one JSON line when it is ready; ends on SIGTERM or when its standard input does, at once on SIGQUIT; on SIGHUP it looks again at which hosts have joined. */

/** Policy and services, where the package has them. */
const installedQrexec = '/usr/share/package-rebuilder/qrexec';
const lib = dirname(fileURLToPath(import.meta.url));
const log = openLog('line');
const over = new AbortController();
stopSignal().addEventListener('abort', () => over.abort());
/** Taken over, it is an uploader's. */
const takenOver = (folder: string) =>
  inheritedNames.some((name) => existsSync(join(stateFolder(folder, 'uploader'), name)));
let line: Line | undefined;
try {
  const options = parseLineOptions(process.argv.slice(2));
  const again = await rerun(options);
  if (again !== undefined) process.exit(again);
  onStdinEnd(() => over.abort());
  const { uid, gid, username } = userInfo();
  line = await startLine(options, {
    clock: systemClock,
    log,
    lib,
    qrexec: options.qrexec ?? [join(lib, '../qrexec'), installedQrexec].find(existsSync) ?? installedQrexec,
    client: clientBeside(lib),
    node: process.execPath,
    me: { uid, gid, name: username },
    stop: over.signal,
    atOnce: quitSignal(),
    onReload: (again) => void process.on('SIGHUP', again),
  });
  if (existsSync(join(seedFolder, 'rebuild')) && !takenOver(options.folder)) {
    const say = 'rebuilderctl take-over shows what this line can go on with';
    log.notice("PackageRebuilder's folder is here", { path: seedFolder, say });
  }
  const { adminSocket, vaultKey } = line;
  process.stdout.write(
    `${JSON.stringify({ ready: true, adminSocket, ...(vaultKey ? { vaultKey } : {}) })}\n`,
  );
  openNotify(systemClock).ready();
  await line.failed;
} catch (error) {
  if (!over.signal.aborted) {
    process.stderr.write(`line: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
await line?.stop();
process.exit();

/** Only root starts roles as users that may be unable to reach a checkout. */
async function rerun(options: LineOptions): Promise<number | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const own = [options.folder, options.cache].filter((folder) => folder !== undefined);
  const project = dirname(dirname(lib));
  const read = [project, options.config, options.policy, options.qrexec, options.uplink, process.execPath];
  const paths = read.filter((path) => path !== undefined);
  return rerunReachable(own, paths, {
    script: join(lib, 'reach.pl'),
    stop: over.signal,
    atOnce: quitSignal(),
  });
}
