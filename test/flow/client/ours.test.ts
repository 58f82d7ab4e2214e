import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProxyServer } from '../../support/proxy-server.ts';
import { furnish, many } from './furnish.ts';
import { type Options, type Suite, Verifier } from './verifier.ts';
import { World } from './world.ts';

/** What our method does and Debian's does not. */
describe('apt with our method intoto', () => {
  let world: World;
  let layouts: ReadonlyMap<string, string>;
  beforeAll(async () => {
    world = await World.open();
    layouts = await furnish(world);
  });
  afterAll(() => world?.close());

  const nodes: readonly (readonly [Suite, string])[] = [
    ['bookworm', 'v18.'],
    ['trixie', 'v20.'],
  ];
  describe.each(nodes)('in %s', (suite, node) => {
    let verifier: Verifier;
    let options: Options;
    beforeAll(async () => {
      verifier = await Verifier.make(world, suite, 'ours');
      await verifier.addLayout('one', layouts.get('one') ?? '');
      options = {
        rebuilders: [`${world.servers.rebuilders.url}/alice`],
        layout: 'one',
        keyids: [world.fingerprint('owner')],
      };
      await verifier.use(world.servers.archive.url.replace('http:', 'intoto:'));
    });

    it(`runs on the release’s own Node`, async () => {
      expect((await verifier.root.run('/usr/bin/node', ['--version'])).log).toMatch(new RegExp(`^${node}`));
    });

    it('goes on fetching while it asks, as nobody but apt’s sandbox user', async () => {
      const packages = many.slice(0, 8);
      const [first = '', ...others] = packages;
      const { archive, rebuilders } = world.servers;
      archive.requests.length = 0;
      const users: string[] = [];
      // Does not answer about the first package before all others were fetched: who fetches one by one gets no further.
      const holding = await serve(async (path) => {
        if (path.includes(`/${first}/`)) {
          users.push(...usersOfJudges());
          const fetched = () => archive.requests.filter((request) => request.endsWith('.deb')).length;
          await expect.poll(fetched, { timeout: 20_000 }).toBe(packages.length);
        }
        return await (await fetch(`${rebuilders.url}/alice${path}`)).text();
      });
      const { accepted, log, files } = await verifier
        .fetch([first, ...others], { ...options, rebuilders: [holding.url] })
        .finally(holding.close);
      expect(accepted, log).toBe(true);
      expect([...files].sort()).toEqual(packages.map((name) => world.file(name).name).sort());
      const sandbox = (await verifier.root.run('id', ['--user', '_apt'])).log.trim();
      expect([...new Set(users)]).toEqual([sandbox]);
    });

    it('asks archive and rebuilders through apt’s proxy', async () => {
      const proxy = await ProxyServer.start();
      const more = `Acquire::http::Proxy "http://${proxy.place}";`;
      const { accepted, log } = await verifier
        .fetch(['plain'], { ...options, more })
        .finally(() => proxy.close());
      expect(accepted, log).toBe(true);
      expect(proxy.requests).toEqual([
        `GET ${world.servers.archive.url}/pool/main/p/plain/plain_1.0-1_all.deb`,
        `GET ${world.servers.rebuilders.url}/alice/sources/plain/1.0-1/metadata`,
      ]);
    });

    it('takes an https archive by the name intoto+https', async () => {
      await verifier.configure(options);
      await verifier.use(world.servers.archiveTls.url.replace('https:', 'intoto+https:'));
      const { log, files } = await verifier.fetch(['plain', 'missing'], options);
      expect(files, log).toEqual(['plain_1.0-1_all.deb']);
      expect(log).toContain('E: Failed to fetch intoto+https://');
      expect(log).toContain('in-toto refuses missing 1.0-1: link-not-found');
    });
  });
});

async function serve(answer: (path: string) => Promise<string>): Promise<{ url: string; close: () => void }> {
  const server: Server = createServer((request, response) => {
    answer(request.url ?? '').then(
      (text) => response.end(text),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Numeric user ids of the processes that judge, in whatever namespace: those of another run here are no other. */
function usersOfJudges(): string[] {
  const processes = execFileSync('ps', ['-eo', 'uid=,args='], { encoding: 'utf8' }).split('\n');
  return processes.flatMap((line) => /^ *(\d+) .*\/methods\/intoto judge$/.exec(line)?.[1] ?? []);
}
