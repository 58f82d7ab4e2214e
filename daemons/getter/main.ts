import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { LookupStore } from '../lib/archive/lookup-store.ts';
import { runRole } from '../lib/daemon/role.ts';
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

const keptBytes = 20 * 2 ** 30;
const systemCertificates = '/etc/ssl/certs/ca-certificates.crt';

await runRole('getter', process.env, async ({ clock, log, notify, stop, config, folders }) => {
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
  const kept = await Kept.open({ folder: folders.cache, downloads, clock, maxBytes: keptBytes });
  const sources = new Sources(config.projects.debian, { env: process.env, apt, log });
  const seen = new SeenReleases(join(folders.state, 'releases.json'));
  const buildArchitecture = parseArchitecture(apt?.architecture ?? 'amd64');
  const parts: Parts = {
    clock,
    downloads,
    kept,
    lookups: new LookupStore(join(folders.cache, 'lookups'), { clock }),
    suites: new SuiteReader({ clock, downloads, kept, seen, trustOf: (source) => sources.trustOf(source) }),
    select: (dist) => sources.select(dist),
    trustOf: (source) => sources.trustOf(source),
    buildinfoPlaces: (dist) => buildinfoPlaces(config.projects[dist.project].buildinfos, buildArchitecture),
    buildArchitecture,
    parallel: availableParallelism(),
    cacheFolder: folders.cache,
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
});
