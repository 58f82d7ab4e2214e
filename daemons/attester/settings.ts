import { join } from 'node:path';
import { debianKeyrings, type Keyring, keyringsNamedFor } from '../lib/archive/keyring.ts';
import type { RoleConfig } from '../lib/daemon/config.ts';
import { type Project, parseDist, projects, publishedFolder } from '../lib/domain/dist.ts';
import type { Fingerprint, RebuilderId } from '../lib/domain/names.ts';
import { type SignedVerdict, signedVerdicts } from '../lib/domain/verdict.ts';
import type { DetachedSigner } from '../lib/openpgp/sign.ts';
import {
  type ConfiguredKey,
  KeyError,
  knownKey,
  type OpenPgpService,
  type PublicKey,
  type SigningKey,
  usableKey,
} from './keys.ts';
import type { VaultSigner } from './sign/vault-signer.ts';

/** What the attester does for the builds of one project. */
export interface ProjectSettings {
  /** The only keys that an index of a suite is believed by. */
  keyringsOf(suite: string): readonly Keyring[];
  /** Signs what came out identical; without it nothing is published. */
  readonly reproducible: SigningKey | undefined;
  /** Signs what differed in spite of a true buildinfo. */
  readonly unreproducible: SigningKey | undefined;
  /** Sign statements of a verdict, where the vault serves `rebuilder.Sign`. */
  readonly vault: Readonly<Partial<Record<SignedVerdict, VaultSigner>>>;
  /** What statements call whoever rebuilds. */
  readonly rebuilderId: RebuilderId | undefined;
  /** The signed layout that is published, a file. */
  readonly rootLayout: string | undefined;
}

/** The same for the builds of one dist. */
export interface DistSettings extends ProjectSettings {
  /** The folder of the publication. */
  readonly folder: string;
  /** What stands in front of the dist's architecture: an index has to be of it. */
  readonly distribution: string;
}

export interface Settings {
  readonly projects: readonly ProjectSettings[];
  of(dist: string): DistSettings;
}

export interface SettingsOptions {
  readonly config: RoleConfig<'attester'>;
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly keysFolder: string;
  readonly vault: DistSettings['vault'];
  readonly signerFor: (key: ConfiguredKey, by: OpenPgpService) => DetachedSigner;
  readonly now: number;
}

/**
 * The settings of every project, checked now and not when the first job comes.
 *
 * @throws KeyError for a configured key that is missing or of no use
 */
export function openSettings(options: SettingsOptions): Settings {
  const perProject = new Map(projects.map((project) => [project, settingsOf(project, options)]));
  refuseMixed(perProject);
  return {
    projects: [...perProject.values()],
    of(text) {
      const dist = parseDist(text);
      const settings = perProject.get(dist.project);
      if (settings === undefined) throw new TypeError(`no settings for ${dist.project}`);
      return { ...settings, folder: publishedFolder(dist), distribution: dist.distribution };
    },
  };
}

function settingsOf(project: Project, options: SettingsOptions): ProjectSettings {
  const values = options.config.projects[project];
  const own = debianKeyrings();
  const key = (kind: string, fingerprint: Fingerprint | undefined, previous: readonly Fingerprint[]) =>
    fingerprint === undefined
      ? undefined
      : signingKey(kind, { fingerprint, previous, by: values.openpgp }, options);
  const reproducible = key('in-toto-sign-key', values.signKey, values.signKeyPrevious);
  const unreproducible = key(
    'in-toto-sign-key-unreproducible',
    values.signKeyUnreproducible,
    values.signKeyUnreproduciblePrevious,
  );
  refuseShared([reproducible, unreproducible]);
  return {
    keyringsOf: (suite) => [...own, ...keyringsNamedFor(suite, values.archiveKeyring)],
    reproducible,
    unreproducible,
    vault: options.vault,
    rebuilderId: values.rebuilderId,
    rootLayout: values.rootLayout,
  };
}

interface Named {
  readonly fingerprint: Fingerprint;
  readonly previous: readonly Fingerprint[];
  readonly by: OpenPgpService;
}

function signingKey(
  kind: string,
  { fingerprint, previous, by }: Named,
  options: SettingsOptions,
): SigningKey {
  const { keys, keysFolder: folder, now, signerFor } = options;
  const key = usableKey(keys, { name: `${kind}-fpr`, fingerprint, folder, now, by });
  return {
    ...key,
    signer: signerFor(key, by),
    previous: previous.map((one) =>
      knownKey(keys, { name: `${kind}-previous-fpr`, fingerprint: one, folder }),
    ),
  };
}

/** What is identical and what differs are told apart by their keys, those of today and those before. */
function refuseShared(signing: readonly (SigningKey | undefined)[]): void {
  const seen = new Map<Fingerprint, string>();
  for (const { name, fingerprint } of signing.flatMap((key) => (key ? [key, ...key.previous] : []))) {
    const other = seen.get(fingerprint);
    if (other !== undefined) {
      throw new KeyError(
        'unusable',
        `${name} = ${fingerprint}: ${other} names the same key; each of them needs keys of its own`,
      );
    }
    seen.set(fingerprint, name);
  }
}

/** A difference signed for one project by the key of another's links would be a good link there. */
function refuseMixed(perProject: ReadonlyMap<Project, ProjectSettings>): void {
  const all = [...perProject].flatMap(([project, settings]) =>
    signedVerdicts.flatMap((verdict) => {
      const key = settings[verdict];
      return key ? [key, ...key.previous].map((one) => ({ ...one, project, verdict })) : [];
    }),
  );
  for (const one of all) {
    const other = all.find(
      ({ fingerprint, verdict }) => fingerprint === one.fingerprint && verdict !== one.verdict,
    );
    if (other === undefined) continue;
    throw new KeyError(
      'unusable',
      `[${other.project}] ${other.name} = ${one.fingerprint}: [${one.project}] ${one.name} names the same key, for the other verdict`,
    );
  }
}

/** Where the operator puts public keys. */
export function keysFolder(state: string): string {
  return join(state, 'keys');
}
