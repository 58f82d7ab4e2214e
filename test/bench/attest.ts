import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import { run } from '../../daemons/lib/daemon/program.ts';
import { parseLink } from '../../daemons/lib/domain/link.ts';
import { type JsonObject, parseMetablock, signedBytes } from '../../daemons/lib/domain/metablock.ts';
import { endAgents } from '../demo/keys.ts';
import { type AttestLine, openAttestLine } from '../support/attest-line.ts';
import type { ReadyBuild } from '../support/ready-builds.ts';
import { type BenchReport, series } from './report.ts';

/** Binaries of each build, as they are spread over bookworm/main: of 20 builds 12 make one, the most six. */
const shape = [1, 1, 2, 1, 3, 1, 1, 2, 1, 6, 1, 1, 2, 1, 4, 1, 3, 1, 2, 1];
const buildsOfRound = 2 * shape.length;
const rounds = 5;
const inFlight = 4;
const minute = 60_000;

type Openpgp = 'qubes.Gpg' | 'qubes.Gpg2';

/**
 * OpenPGP signatures a second through the whole path, from a job that waits to its links in the orchestrator's ledger,
 * against a loop of gpg over the same documents.
 */
export async function benchAttest(openpgp: Openpgp): Promise<BenchReport> {
  // The first of each side start agents and read indexes: they are not counted.
  const warm = 4;
  const sizes = [...shape.slice(0, warm), ...Array.from({ length: 2 * rounds }, () => shape).flat()];
  const attested = await openAttestLine({ sizes, openpgp });
  const gpg = new GpgLoop(attested);
  try {
    const { builds } = attested.ready;
    await ours(attested, builds.slice(0, warm));
    await gpg.sign(await documentsOf(attested, builds.slice(0, warm)));
    const oursPerSecond: number[] = [];
    const rivalPerSecond: number[] = [];
    let different = 0;
    for (let round = 0; round < rounds; round++) {
      const at = warm + round * buildsOfRound;
      const batch = builds.slice(at, at + buildsOfRound);
      const seconds = await ours(attested, batch);
      const documents = await documentsOf(attested, batch);
      different = new Set(documents.map((one) => Buffer.from(one).toString('latin1'))).size;
      oursPerSecond.push(documents.length / seconds);
      rivalPerSecond.push(documents.length / (await gpg.sign(documents)));
      console.error(
        `bench: ${openpgp} round ${round + 1}: ${documents.length} links (${different} different), ours ${oursPerSecond.at(-1)?.toFixed(1)}/s, gpg ${rivalPerSecond.at(-1)?.toFixed(1)}/s`,
      );
    }
    const [mine, rival] = [series(oursPerSecond), series(rivalPerSecond)];
    return {
      name: openpgp === 'qubes.Gpg' ? 'attest-throughput' : 'attest-throughput-gpg2',
      unit: 'signatures/s',
      ours: mine,
      rival: { name: 'loop of gpg --detach-sign', version: await gpgVersion(), ...rival },
      ratio: mine.median / rival.median,
      conditions: {
        measured:
          'from the first lease to the last settled job, every link document counted; signed by RSA 3072',
        service: openpgp,
        inFlight,
        rounds,
        buildsOfRound,
        // Links of the same bytes are signed once by us, and each by the rival.
        differentDocumentsOfRound: different,
        binariesOfBuilds: shape,
      },
    };
  } finally {
    await gpg.close();
    await attested.close();
  }
}

/** Seconds until the jobs of these builds are settled. */
async function ours(attested: AttestLine, builds: readonly ReadyBuild[]): Promise<number> {
  await attested.prepare(builds);
  const journal = join(attested.line.folder, 'line/log/orchestrator.log');
  const settled = () =>
    readFileSync(journal, 'utf8').match(/ done .* say=reproducible job=\S+\.attest/g)?.length ?? 0;
  const before = settled();
  const started = clock.monotonic();
  await attested.release();
  while (settled() < before + builds.length) await clock.sleep(20);
  return (clock.monotonic() - started) / 1_000;
}

/** What was signed of these builds: the bytes of each published link, as its signature is over them. */
async function documentsOf(
  attested: AttestLine,
  builds: readonly ReadyBuild[],
): Promise<readonly Uint8Array[]> {
  const paths = await attested.published();
  const folders = new Set(builds.flatMap(({ binaries }) => binaries.map((one) => one.package)));
  const links = paths.filter((path) => {
    const [, binary = '', name = ''] = /^debian\/sources\/([^/]+)\/[^/]+\/([^/]+)$/.exec(path) ?? [];
    return folders.has(binary) && /^metadata$|\.link$/.test(name);
  });
  return links.map((path) => {
    const { untrusted } = parseMetablock(readFileSync(join(attested.mirror, path), 'utf8'));
    return signedBytes(parseLink(untrusted) as unknown as JsonObject);
  });
}

/** The rival: gpg as anyone would call it, with the vault's own key. */
class GpgLoop {
  readonly #home: string;
  readonly #documents: string;
  #round = 0;

  constructor(readonly attested: AttestLine) {
    const { folder } = attested.line;
    this.#home = join(folder, 'gpg');
    this.#documents = join(folder, 'documents');
    const isFile = (path: string) => !lstatSync(path).isSocket();
    cpSync(join(folder, 'line/state/vault/gnupg'), this.#home, { recursive: true, filter: isFile });
  }

  /** Seconds until each document has its signature. */
  async sign(documents: readonly Uint8Array[]): Promise<number> {
    this.#round += 1;
    const folder = join(this.#documents, String(this.#round));
    mkdirSync(folder, { recursive: true });
    for (const [index, content] of documents.entries()) writeFileSync(join(folder, String(index)), content);
    const gpg = ['gpg', '--homedir', this.#home, '--batch', '--detach-sign', '--digest-algo', 'SHA256'];
    const key = ['--local-user', this.attested.line.vaultKey.fingerprint];
    const started = clock.monotonic();
    await run('xargs', ['--max-procs', String(inFlight), '--max-args', '1', ...gpg, ...key], {
      timeoutMs: 10 * minute,
      cwd: folder,
      input: Buffer.from(documents.map((_content, index) => `${index}\n`).join('')),
    });
    const seconds = (clock.monotonic() - started) / 1_000;
    const missing = documents.findIndex((_content, index) => !existsSync(join(folder, `${index}.sig`)));
    if (missing >= 0) throw new Error(`gpg did not sign document ${missing}`);
    return seconds;
  }

  async close(): Promise<void> {
    await endAgents(this.#home);
  }
}

async function gpgVersion(): Promise<string> {
  const { stdout } = await run('gpg', ['--version'], { timeoutMs: minute });
  return stdout.toString().split('\n')[0] ?? '';
}
