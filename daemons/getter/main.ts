import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { LookupStore } from '../lib/archive/lookup-store.ts';
import { systemClock as clock } from '../lib/daemon/clock.ts';
import { configPaths, loadConfig } from '../lib/daemon/config.ts';
import { openLog } from '../lib/daemon/log.ts';
import { openNotify } from '../lib/daemon/notify.ts';
import { stopSignal } from '../lib/daemon/stop.ts';
import { parseArchitecture } from '../lib/domain/names.ts';
import { Downloads } from '../lib/net/download.ts';
import { noProxies } from '../lib/net/proxies.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { isWithoutApt, readAptConfig } from './debian/apt-config.ts';
import { buildinfoPlaces } from './debian/buildinfos.ts';
import { SeenReleases } from './debian/seen-releases.ts';
import { SuiteReader } from './debian/suite.ts';
import { handle } from './handle.ts';
import { Kept } from './kept.ts';
import type { Parts } from './parts.ts';
import { Sources } from './sources.ts';

const log = openLog('getter');
const notify = openNotify(clock);
const stop = stopSignal();
const keptBytes = 20 * 2 ** 30;
const systemCertificates = '/etc/ssl/certs/ca-certificates.crt';

try {
  const config = loadConfig('getter', { paths: configPaths(process.env), env: process.env });
  for (const warning of config.warnings) log.warning(warning);
  const state = process.env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/getter';
  const cacheFolder = process.env.CACHE_DIRECTORY ?? '/var/cache/package-rebuilder/getter';
  const apt = await readAptConfig(process.env).catch((error) => {
    if (!isWithoutApt(error)) throw error;
    return undefined;
  });
  const downloads = new Downloads({
    clock,
    proxies: apt?.proxies ?? noProxies,
    certificates: await readFile(apt?.certificatesFile ?? systemCertificates, 'utf8').catch(() => null),
    onRetry: (uri, why, wait) => log.info('trying again', { uri, why, seconds: Math.round(wait / 1_000) }),
  });
  const kept = await Kept.open({ folder: cacheFolder, downloads, clock, maxBytes: keptBytes });
  const sources = new Sources(config.projects.debian, { env: process.env, apt, log });
  const seen = new SeenReleases(join(state, 'releases.json'));
  const buildArchitecture = parseArchitecture(apt?.architecture ?? 'amd64');
  const parts: Parts = {
    clock,
    downloads,
    kept,
    lookups: new LookupStore(join(cacheFolder, 'lookups'), { clock }),
    suites: new SuiteReader({ clock, downloads, kept, seen, trustOf: (source) => sources.trustOf(source) }),
    select: (dist) => sources.select(dist),
    trustOf: (source) => sources.trustOf(source),
    buildinfoPlaces: (dist) => buildinfoPlaces(config.projects[dist.project].buildinfos, buildArchitecture),
    buildArchitecture,
    parallel: availableParallelism(),
    cacheFolder,
  };
  notify.ready();
  await runWorker({
    queue: 'get',
    caller: qrexecCaller({ clock, log }),
    clock,
    log,
    notify,
    stop,
    slots: [{ kinds: ['feed'] }, { kinds: ['inputs', 'official'] }],
    handle: (context) => handle(context, parts),
  });
  await downloads.close();
} catch (error) {
  log.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  notify.stopping();
  notify.close();
}
