import { join } from 'node:path';
import type { LayoutKey } from '../../lib/domain/layout.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { readNamedKey } from '../layout/keys.ts';
import { readAptItems } from './apt.ts';
import { aptPlacesOf, replacedMethods } from './apt-places.ts';
import { askRebuilders } from './ask-rebuilders.ts';
import { checkSources } from './check-sources.ts';
import { type ClientFinding, clientFinding } from './findings.ts';
import { badRebuilders, type IntotoConfig, intotoConfigOf } from './intoto-config.ts';
import { lookAt, type Machine, methodFindings } from './machine.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { unreadable, unsafe } from './permissions.ts';
import { places } from './places.ts';
import { changedByHand } from './plan.ts';
import type { Root } from './root.ts';
import { type ReadLayout, readTrusted } from './trust.ts';

/** What programs are told of a verifier's set-up. */
export interface ClientReport {
  readonly root: string;
  readonly method: Machine['method'];
  readonly rebuilders: readonly string[];
  readonly owners: readonly string[];
  readonly noFail: boolean;
  readonly layout: Readonly<{ file: string; expires: string; threshold: number | null }> | null;
  readonly sources: Readonly<{ verified: readonly string[]; others: readonly string[] }>;
  readonly findings: readonly ClientFinding[];
}

/**
 * Whether apt on that machine would verify what it installs, now and in 60 days, whoever set it up.
 *
 * @param accepted archives whose packages need no rebuilder
 * @throws CommandError when its configuration cannot be read
 */
export async function checkClient(
  root: Root,
  context: Pick<Context, 'clock' | 'env' | 'stop'>,
  accepted: readonly string[] = [],
): Promise<ClientReport> {
  const [items, machine, manifest] = await Promise.all([
    readAptItems(root),
    lookAt(root),
    readManifest(root),
  ]);
  const config = intotoConfigOf(items);
  const at = aptPlacesOf(root, items);
  const record = manifest === undefined ? [] : await checkRecord(root, manifest);
  const sources = await checkSources(root, machine, { at, accepted });
  const isConfigured = config.layout !== '' || config.rebuilders.length > 0 || config.hanging.length > 0;
  const trust = isConfigured ? await checkTrust(root, config, context.clock.now()) : nothing;
  const askable = config.rebuilders.filter((url) => !badRebuilders(config).some((bad) => bad.url === url));
  const findings = isConfigured
    ? [
        ...checkConfig(config),
        ...checkNoFail(config, manifest),
        ...trust.findings,
        ...(await checkPermissions(root, config, machine)),
        ...methodFindings(machine),
        ...(machine.method === 'none' ? [] : replacedMethods(at)),
        ...sources.findings,
        ...(await askRebuilders(root, askable, trust.layout, context)),
      ]
    : [clientFinding('not-configured', 'apt', "apt's configuration says nothing of APT::Intoto")];
  const step = trust.layout?.steps.find(({ name }) => name === 'rebuild');
  return {
    root: root.folder,
    method: machine.method,
    rebuilders: config.rebuilders,
    owners: config.keyids,
    noFail: config.noFail,
    layout:
      trust.layout === undefined
        ? null
        : { file: config.layout, expires: trust.layout.expires, threshold: step?.threshold ?? null },
    sources: { verified: sources.verified, others: sources.others },
    findings: [...record, ...findings],
  };
}

async function checkRecord(root: Root, manifest: Manifest): Promise<readonly ClientFinding[]> {
  const interrupted = manifest.complete
    ? []
    : [
        clientFinding(
          'install-interrupted',
          places.manifest,
          'an installation or its removal was interrupted',
        ),
      ];
  const touched = (await changedByHand(root, manifest)).map((path) =>
    clientFinding('changed-by-hand', root.shown(path), `${root.shown(path)}: was changed since`),
  );
  return [...interrupted, ...touched];
}

function checkConfig(config: IntotoConfig): readonly ClientFinding[] {
  const missing = [
    ...(config.rebuilders.length === 0 ? ['Rebuilders'] : []),
    ...(config.layout === '' ? ['Layout'] : []),
    ...(config.keyids.length === 0 ? ['Keyids'] : []),
  ];
  return [
    ...config.hanging.map((item) =>
      clientFinding('config-hangs', item, `apt would wait for ever at ${item}`),
    ),
    ...missing.map((name) => clientFinding('config-incomplete', name, `APT::Intoto::${name} is not set`)),
    ...badRebuilders(config).map(({ url, why }) => clientFinding('rebuilder-bad-url', url, `${url}: ${why}`)),
  ];
}

/** Who installed without `--no-fail`, or not at all, has not said that apt may install what is unknown. */
function checkNoFail({ noFail }: IntotoConfig, manifest: Manifest | undefined): readonly ClientFinding[] {
  const isMeant = manifest?.settings.noFail ?? false;
  if (!noFail || isMeant) return [];
  return [clientFinding('no-fail', 'NoFail', 'apt installs what too few rebuilders have a link for')];
}

/** Where apt-transport-in-toto looks when it is told of no other. */
const rootsOwnHome = '/root/.gnupg';

type Trust = Readonly<{ layout: ReadLayout['layout'] | undefined; findings: readonly ClientFinding[] }>;
const nothing: Trust = { layout: undefined, findings: [] };

async function checkTrust(root: Root, config: IntotoConfig, now: number): Promise<Trust> {
  const owners: LayoutKey[] = [];
  const findings: ClientFinding[] = [];
  const folder = config.gpgHome || rootsOwnHome;
  const home = await root.at(folder);
  // Asked in its default home, gpg would make one.
  const isThere = await root.has(folder);
  for (const keyid of config.keyids) {
    try {
      if (!isThere) throw new CommandError(`${home}: there is no such folder`);
      if (!/^[0-9a-fA-F]{40}$/.test(keyid)) throw new CommandError(`${keyid}: is no full fingerprint`);
      const { key, unusable } = await readNamedKey(keyid, { home }, now);
      owners.push(key);
      if (unusable !== undefined) {
        findings.push(clientFinding('owner-key-unusable', keyid, `owner key ${keyid}: ${unusable}`));
      }
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      findings.push(clientFinding('owner-key-unreadable', keyid, error.message));
    }
  }
  if (config.layout === '') return { layout: undefined, findings };
  try {
    const { layout, findings: found } = await readTrusted(
      await root.at(config.layout),
      owners,
      config.rebuilders,
      now,
    );
    return { layout, findings: [...findings, ...found] };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return {
      layout: undefined,
      findings: [...findings, clientFinding('layout-unreadable', config.layout, error.message)],
    };
  }
}

async function checkPermissions(
  root: Root,
  { layout, gpgHome }: IntotoConfig,
  { method }: Machine,
): Promise<readonly ClientFinding[]> {
  const keyrings = gpgHome === '' ? [] : ['pubring.gpg', 'pubring.kbx'].map((name) => join(gpgHome, name));
  const paths = [layout, gpgHome, ...keyrings].filter((path) => path.startsWith('/'));
  // Debian's method stays root, and gpg itself would rather have its home closed.
  const closed = method === 'package-rebuilder-client' ? await unreadable(root, paths) : [];
  return [...closed, ...(await unsafe(root, [...paths, places.aptConf]))];
}
