import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import { machinesMirror, officialKeyring, suite } from '../support/beside-mirror.ts';
import { startSshd } from '../support/sshd.ts';
import { type AskedApt, openApt, readReleases } from './apt.ts';
import { checkSummary } from './checker.ts';
import { type DemoRow, publicationSent, rebuildAll } from './follow.ts';
import { endAgents, makeOwner, makeSignedLayout } from './keys.ts';
import { type DemoLine, startDemoLine } from './line.ts';
import { progress, table } from './progress.ts';
import type { DemoPackage, DemoSummary } from './summary.ts';
import { makeVerifier, type Verifier } from './verifier.ts';

/** One for all architectures, one compiled, one with an epoch and a binNMU, and one that does not come out identical. */
const sources = ['debootstrap', 'mxml', 'libcap2', 'cowsay'] as const;
const good = 'debootstrap';
const withEpoch = 'libcap2';
const unattested = 'cowsay';

/** By binary package. Of a file with code of other packages in it, today's archive decides: libcap2 builds two such. */
const expectedOf: ReadonlyMap<string, string> = new Map([
  [good, 'reproducible'],
  ['libmxml1', 'reproducible'],
  [withEpoch, 'reproducible'],
  [unattested, 'environment-unknown'],
]);

const folder = join(process.cwd(), 'build/demo');
const cache = join(process.env.XDG_CACHE_HOME ?? '/var/cache', 'package-rebuilder');
const at = (...parts: readonly string[]) => join(folder, ...parts);

const started = clock.monotonic();
const say = progress(() => (clock.monotonic() - started) / 1_000);
const closing: (() => Promise<unknown>)[] = [];

async function demo(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('needs root: run `sudo make demo`');
  await rm(folder, { recursive: true, force: true });
  for (const part of ['sshd', 'mirror', 'rebuilt', 'apt']) await mkdir(at(part), { recursive: true });
  await mkdir(join(cache, 'demo'), { recursive: true });

  say('starting the mirror (sshd on loopback) and every role, each as its own user');
  const sshd = await startSshd(at('sshd'));
  closing.push(() => sshd.stop());
  const owner = await makeOwner(at('owner'));
  closing.push(() => endAgents(owner.home, at('keyring')));
  const line = await startDemoLine({
    folder: at('line'),
    cache,
    layout: at('root.layout'),
    mirror: { sshd, basedir: at('mirror') },
  });
  closing.push(() => line.stop());
  await makeSignedLayout({
    owner,
    rebuilder: line.vaultKey.file,
    layout: at('root.layout'),
    keyring: at('keyring'),
  });
  say(`root layout signed by its owner; the vault's key is ${line.vaultKey.fingerprint}`);

  const hostMirror = await machinesMirror();
  const verifierMade = makeVerifier({
    folder: at('verifier'),
    tarball: join(cache, 'demo/verifier.tar'),
    mirror: hostMirror,
  });
  verifierMade.catch(() => {});
  const rows = await rebuildAll(line, suite, sources, say);
  await publicationSent(line, say);
  for (const source of sources) await line.ctl('results', source, '--output', at('rebuilt', source));

  say('asking real apt, in a scratch root of Debian 12');
  const publication = at('mirror/rebuild/debian');
  const packages = sources.map((source) => summarise(source, rows.get(source) ?? [], publication));
  const goodFile = packages.find((built) => built.source === good)?.files[0]?.name ?? '';
  const answers = await askApt(await verifierMade, goodFile, owner.fingerprint, publication);
  const summary: DemoSummary = {
    packages,
    ...answers,
    publication: relative(folder, publication),
    layout: 'root.layout',
    keyring: 'keyring',
  };
  await writeFile(at('summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  showTable(summary);
  await judge(summary, line, owner.fingerprint);
}

function summarise(source: string, rows: readonly DemoRow[], publication: string): DemoPackage {
  const files = rows
    .flatMap((row) => row.files)
    .map(({ name, officialSha256, rebuiltSha256, verdict }) => ({
      name,
      officialSha256,
      rebuiltSha256,
      verdict,
    }));
  const verdicts = rows.map((row) => row.verdict);
  const worst = verdicts.includes('failure')
    ? 'failure'
    : verdicts.includes('unreproducible')
      ? 'unreproducible'
      : 'reproducible';
  const row = rows[0];
  const link = rows
    .flatMap((each) => each.files.filter((file) => file.verdict === 'reproducible'))
    .map((file) =>
      join(publication, 'sources', file.name.split('_')[0] ?? '', row?.version ?? '', 'metadata'),
    )
    .find((path) => existsSync(path));
  const seconds = rows
    .flatMap((each) => Object.values(each.seconds))
    .reduce<number>((sum, part) => sum + (part ?? 0), 0);
  const rounded = Math.round(seconds * 10) / 10;
  return {
    source,
    version: row?.version ?? '',
    verdict: worst,
    files,
    link: link ? relative(folder, link) : null,
    seconds: rounded,
  };
}

type Answers = Pick<DemoSummary, 'aptAcceptedGood' | 'aptRefusedTampered' | 'aptRefusedUnattested'>;

async function askApt(
  verifier: Verifier,
  goodFile: string,
  ownerKey: string,
  publication: string,
): Promise<Answers> {
  const apt = await openApt(
    verifier,
    { publication, rebuilt: at('rebuilt', good), deb: goodFile },
    { layout: at('root.layout'), keyring: at('keyring'), ownerKey },
  );
  closing.push(apt.close);
  const ask = async (install: AskedApt['install'], name: string, log: string) => {
    const answer = await install(name);
    await writeFile(at('apt', log), answer.log);
    const changed = log === 'tampered.log' ? ' with one byte changed' : '';
    say(`apt ${answer.accepted ? 'installed' : 'refused'} ${name}${changed}`);
    return answer.accepted;
  };
  const refusedTampered = !(await ask(apt.installTampered, good, 'tampered.log'));
  const acceptedGood = await ask(apt.install, good, 'good.log');
  const acceptedEpoch = await ask(apt.install, withEpoch, 'epoch.log');
  const refusedUnattested = !(await ask(apt.install, unattested, 'unattested.log'));
  return {
    aptAcceptedGood: acceptedGood && acceptedEpoch,
    aptRefusedTampered: refusedTampered,
    aptRefusedUnattested: refusedUnattested,
  };
}

function showTable(summary: DemoSummary): void {
  const rows = summary.packages.flatMap((built) =>
    built.files.map((file) => [
      built.source,
      built.version,
      file.verdict,
      file.name,
      file.rebuiltSha256?.slice(0, 12) ?? '-',
      file.officialSha256?.slice(0, 12) ?? '-',
    ]),
  );
  console.log(table([['SOURCE', 'VERSION', 'VERDICT', 'FILE', 'REBUILT', 'OFFICIAL'], ...rows]));
}

async function judge(summary: DemoSummary, line: DemoLine, ownerKey: string): Promise<void> {
  say('checking every field of summary.json again with sha256sum, gpgv, in-toto and what apt wrote');
  const evidence = at('rebuilt', good, 'evidence');
  const wrong = await checkSummary({
    folder,
    indexes: readReleases(at('rebuilt', good)).map((_, index) => ({
      inRelease: join(evidence, String(index), 'InRelease'),
      packages: join(evidence, String(index), 'main/binary-amd64/Packages.xz'),
      packagesPath: 'main/binary-amd64/Packages.xz',
    })),
    archiveKeyring: officialKeyring,
    rebuilt: at('rebuilt'),
    aptLogs: {
      good: at('apt/good.log'),
      epoch: at('apt/epoch.log'),
      tampered: at('apt/tampered.log'),
      unattested: at('apt/unattested.log'),
    },
    rebuilderKey: line.vaultKey.fingerprint,
    ownerKey,
  });
  const files = summary.packages.flatMap((built) => built.files);
  for (const [binary, expected] of expectedOf) {
    const file = files.find(({ name }) => name.startsWith(`${binary}_`));
    if (file?.verdict !== expected) throw new Error(`${binary} is told ${file?.verdict ?? 'nothing of'}`);
  }
  if (!summary.aptAcceptedGood) throw new Error(`apt refused a good package: ${at('apt')}`);
  if (!summary.aptRefusedTampered) throw new Error(`apt took a tampered package: ${at('apt/tampered.log')}`);
  if (!summary.aptRefusedUnattested)
    throw new Error(`apt took a package without a link: ${at('apt/unattested.log')}`);
  if (wrong.length > 0) throw new Error(`the checker disagrees:\n  ${wrong.join('\n  ')}`);
}

let outcome = 'demo: PASS';
try {
  await demo();
} catch (error) {
  outcome = `demo: FAIL: ${error instanceof Error ? error.message : String(error)}`;
  process.exitCode = 1;
}
for (const close of closing.reverse()) await close().catch((error) => say(`while stopping: ${error}`));
console.log(outcome);
process.exit();
