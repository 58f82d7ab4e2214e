import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { type Link, parseLink } from '../../../daemons/lib/domain/link.ts';
import { type JsonObject, parseMetablock, signedBytes } from '../../../daemons/lib/domain/metablock.ts';
import { dearmor } from '../../../daemons/lib/openpgp/armor.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { headerBytes, readFrames } from '../../../daemons/lib/openpgp/split-gpg.ts';
import { parseLines } from '../../demo/follow.ts';
import { type AttestLine, openAttestLine } from '../../support/attest-line.ts';
import { campaignSeed, drawn } from '../../support/campaign.ts';
import { killMember } from '../../support/members.ts';
import { askPython } from '../../support/python.ts';
import type { ReadyBuild } from '../../support/ready-builds.ts';

/** Binaries of each build: mostly one, as in Debian. */
const sizes = drawn(
  'attestations',
  Array.from({ length: 1_000 }, (_, index) => [1, 2, 1, 3, 1][index % 5] ?? 1),
);
/** Of so many attestations, how many find a role dying: the attester takes what it holds with it for a lease's time. */
const perDeath = { attester: 40, orchestrator: 25, vault: 25 } as const;
type Mortal = keyof typeof perDeath;
/** A role that dies oftener is not started again: standalone/line/restarts.ts. */
const leastLifeMs = 13_000;
const hour = 3_600_000;

const chance = new VirtualClock(
  [...campaignSeed()].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 11),
);
let attested: AttestLine;
let qrexec: string;
const at = (...parts: readonly string[]) => join(attested.line.folder, ...parts);

beforeAll(async () => {
  qrexec = layOutRecorder();
  attested = await openAttestLine({ sizes, args: ['--qrexec', join(qrexec, 'qrexec')] });
});
afterAll(async () => {
  await attested?.close();
  rmSync(qrexec, { recursive: true, force: true });
});

/**
 * The services with one more program about the vault's: it keeps what went in and what left, a file each a call, and ends
 * as the vault's own does and when that does.
 */
function layOutRecorder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'recorder-'));
  chmodSync(folder, 0o755);
  cpSync('qrexec', join(folder, 'qrexec'), { recursive: true, verbatimSymlinks: true });
  const real = join(folder, 'qubes.Gpg');
  const service = join(folder, 'qrexec/services/vault/qubes.Gpg');
  cpSync(service, real);
  mkdirSync(join(folder, 'calls'));
  chmodSync(join(folder, 'calls'), 0o1777);
  writeFileSync(
    service,
    `#!/bin/bash
name=${folder}/calls/$$.$RANDOM
exec 3<&0
exec ${real} < <(exec tee "$name.in" <&3 2>/dev/null) > >(exec tee "$name.out" 2>/dev/null)
`,
  );
  return folder;
}

const journal = () => readFileSync(at('line/log/orchestrator.log'), 'utf8');
const settledInJournal = () => journal().match(/ done .* job=\S+\.attest$/gm)?.length ?? 0;

/** Kills a role with -9 somewhat after as many attestations as chance says, again and again. */
async function dieNowAndThen(role: Mortal): Promise<number> {
  const deaths = Math.max(2, Math.floor(sizes.length / perDeath[role]));
  const after = Array.from({ length: deaths }, () => Math.floor(chance.random() * 0.9 * sizes.length));
  for (const count of after.sort((a, b) => a - b)) {
    while (settledInJournal() < count) await clock.sleep(100);
    await clock.sleep(chance.random() * 1_000);
    await killMember(attested.line, role);
    await clock.sleep(leastLifeMs);
  }
  return deaths;
}

type Job = Readonly<{ id: string; queue: string; state: string; say: string | null }>;
type Result = Readonly<{ source: string; verdict: string | null }>;

/** What the command line says; nothing while the orchestrator is away. */
async function rows<T>(...args: readonly string[]): Promise<readonly T[]> {
  return parseLines<T>(await attested.line.ctl(...args, '--json').catch(() => ''));
}

const attestJobs = async () => (await rows<Job>('jobs')).filter(({ queue }) => queue === 'attest');

/** Until every job is settled. One that took three attesters with it is set aside: an operator would ask for it again. */
async function untilSettled(): Promise<readonly Job[]> {
  for (;;) {
    const jobs = await attestJobs();
    if (jobs.length === sizes.length && jobs.every(({ state }) => state === 'settled')) return jobs;
    for (const { id } of jobs.filter(({ state }) => state === 'set-aside')) {
      await attested.line.ctl('control', 'requeue', '--job', id).catch(() => {});
    }
    await clock.sleep(2_000);
  }
}

/** What has to stand at each path of the publication. */
function expectedLinks(builds: readonly ReadyBuild[], keyid: string): ReadonlyMap<string, Link['products']> {
  const short = keyid.slice(0, 8);
  return new Map(
    builds.flatMap(({ source, version, binaries }) => {
      const all = Object.fromEntries(binaries.map(({ name, sha256 }) => [name, { sha256 }]));
      const beside = `debian/sources/${source}/${version}`;
      return [
        ...binaries.map(
          (one) =>
            [
              `debian/sources/${one.package}/${version}/metadata`,
              { [one.name]: { sha256: one.sha256 } },
            ] as const,
        ),
        [`${beside}/rebuild.${short}.amd64.link`, all] as const,
        [`${beside}/rebuild.${short}.link`, all] as const,
      ];
    }),
  );
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The sha256 of each document whose signature left the vault whole, once for each time. */
async function signaturesThatLeft(): Promise<readonly string[]> {
  const folder = join(qrexec, 'calls');
  const left: string[] = [];
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.out'))) {
    const out = await streamsOf(readFileSync(join(folder, name)));
    if (out.code !== 0 || out.bytes.length === 0) continue;
    const into = readFileSync(join(folder, name.replace(/out$/, 'in')));
    left.push(sha256Of((await streamsOf(into.subarray(headerBytes))).bytes));
  }
  return left;
}

async function streamsOf(frames: Buffer): Promise<Readonly<{ bytes: Buffer; code: number | undefined }>> {
  const pieces: Buffer[] = [];
  let code: number | undefined;
  const bytes = (async function* () {
    yield frames;
  })();
  try {
    for await (const frame of readFrames(bytes, 2)) {
      if (frame.kind === 'data' && frame.stream === 0) pieces.push(frame.data);
      if (frame.kind === 'exit') code = frame.code;
    }
  } catch {
    // Cut short by a death.
  }
  return { bytes: Buffer.concat(pieces), code };
}

/** What in-toto finds wrong with the signatures of these files. */
const verifyAll = `
import json, sys
from in_toto.models.metadata import Metablock
from securesystemslib.gpg.functions import export_pubkey
asked = json.load(sys.stdin)
key = export_pubkey(asked["keyid"], homedir=asked["home"])
wrong = []
for path in asked["paths"]:
    try:
        Metablock.load(path).verify_signature(key)
    except Exception as error:
        wrong.append([path, repr(error)])
print(json.dumps(wrong))
`;

describe(`${sizes.length} attestations in one run, while attester, orchestrator and vault are killed`, () => {
  let keyid: string;
  let links: ReadonlyMap<string, Buffer>;
  /** The sha256 of each signed document. */
  let signed: readonly string[];

  beforeAll(async () => {
    await attested.prepare(attested.ready.builds);
    const dying = (Object.keys(perDeath) as Mortal[]).map(dieNowAndThen);
    await attested.release();
    expect((await Promise.all(dying)).every((deaths) => deaths >= 2)).toBe(true);
    await untilSettled();
    const paths = await attested.published();
    const isLink = (path: string) => /^debian\/sources\/.*(?:\/metadata|\.link)$/.test(path);
    links = new Map(
      paths.filter(isLink).map((path) => [path, readFileSync(join(attested.mirror, path))] as const),
    );
    signed = [...links.values()].map((content) =>
      sha256Of(signedBytes(parseMetablock(content.toString('utf8')).untrusted as JsonObject)),
    );
    keyid =
      Object.keys(readPublicKey(dearmor(readFileSync(attested.line.vaultKey.file))).subkeys ?? {})[0] ?? '';
  }, hour);

  it('settle every job, once', async () => {
    const jobs = await attestJobs();
    expect(jobs.map(({ state }) => state)).toEqual(sizes.map(() => 'settled'));
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(sizes.length);
    const results = await rows<Result>('results');
    expect(results.map(({ source, verdict }) => `${source} ${verdict}`).sort()).toEqual(
      attested.ready.builds.map(({ source }) => `${source} reproducible`).sort(),
    );
    // One that dies between settling and saying so says nothing: at most once, then.
    const told = journal().match(/(?<= done .* job=)\S+\.attest$/gm) ?? [];
    expect(new Set(told).size).toBe(told.length);
    const history = await attested.history(attested.ready.builds);
    expect([...history.values()].map((verdicts) => verdicts.length)).toEqual(sizes.map(() => 1));
  });

  it('publish every link, of the right build', () => {
    const expected = expectedLinks(attested.ready.builds, keyid);
    expect([...links.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [path, content] of links) {
      const { signatures, untrusted } = parseMetablock(content.toString('utf8'));
      expect([path, parseLink(untrusted).products]).toEqual([path, expected.get(path)]);
      expect([path, signatures.map((one) => one.keyid)]).toEqual([path, [keyid]]);
    }
  });

  it('have every link signed by the right key, as in-toto sees it', async () => {
    const home = at('gnupg');
    mkdirSync(home, { mode: 0o700 });
    await run('gpg', ['--homedir', home, '--batch', '--import', attested.line.vaultKey.file], {
      timeoutMs: 60_000,
    });
    const paths = [...links.keys()].map((path) => join(attested.mirror, path));
    const asked = { keyid: attested.line.vaultKey.fingerprint.toLowerCase(), home, paths };
    expect(askPython(verifyAll, asked)).toEqual([]);
  });

  it('leave every signature that left the vault in its log', async () => {
    const log = readFileSync(at('line/state/vault/signatures.log'), 'utf8');
    const logged = countsOf(
      [...log.matchAll(/ signed sha256=([0-9a-f]{64}) /g)].map((match) => match[1] ?? ''),
    );
    const left = countsOf(await signaturesThatLeft());
    for (const [sha256, times] of left) expect(logged.get(sha256) ?? 0).toBeGreaterThanOrEqual(times);
    for (const sha256 of signed) expect(left.has(sha256)).toBe(true);
  });
});

function countsOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
