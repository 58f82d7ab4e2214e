import { join } from 'node:path';
import { debianKeyrings, type Keyring, keyringsNamedFor } from '../lib/archive/keyring.ts';
import type { RoleConfig } from '../lib/daemon/config.ts';
import { type Project, parseDist, projects, publishedFolder } from '../lib/domain/dist.ts';
import type { Fingerprint, RebuilderId } from '../lib/domain/names.ts';
import type { SignedVerdict } from '../lib/domain/verdict.ts';
import type { DetachedSigner } from '../lib/openpgp/sign.ts';
import { KeyError, type OpenPgpService, type PublicKey, type SigningKey, usableKey } from './keys.ts';
import type { VaultSigner } from './sign/vault-signer.ts';

/** What the attester does for the builds of one dist. */
export interface DistSettings {
  /** The folder of the publication. */
  readonly folder: string;
  /** What stands in front of the dist's architecture: an index has to be of it. */
  readonly distribution: string;
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

export interface SettingsOptions {
  readonly config: RoleConfig<'attester'>;
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly keysFolder: string;
  readonly vault: DistSettings['vault'];
  readonly signerFor: (fingerprint: Fingerprint, by: OpenPgpService) => DetachedSigner;
  readonly now: number;
}

/**
 * The settings of every project, checked now and not when the first job comes.
 *
 * @throws KeyError for a configured key that is missing or of no use
 */
export function openSettings(options: SettingsOptions): (dist: string) => DistSettings {
  const perProject = new Map(projects.map((project) => [project, settingsOf(project, options)]));
  return (text) => {
    const dist = parseDist(text);
    const settings = perProject.get(dist.project);
    if (settings === undefined) throw new TypeError(`no settings for ${dist.project}`);
    return { ...settings, folder: publishedFolder(dist), distribution: dist.distribution };
  };
}

function settingsOf(
  project: Project,
  options: SettingsOptions,
): Omit<DistSettings, 'folder' | 'distribution'> {
  const values = options.config.projects[project];
  const own = debianKeyrings();
  const key = (name: string, fingerprint: Fingerprint | undefined) =>
    fingerprint === undefined ? undefined : signingKey(name, fingerprint, values.openpgp, options);
  const reproducible = key('in-toto-sign-key-fpr', values.signKey);
  const unreproducible = key('in-toto-sign-key-unreproducible-fpr', values.signKeyUnreproducible);
  if (reproducible !== undefined && reproducible.fingerprint === unreproducible?.fingerprint) {
    throw new KeyError(
      'unusable',
      'in-toto-sign-key-unreproducible-fpr: the same key as in-toto-sign-key-fpr; links that differ need one of their own',
    );
  }
  return {
    keyringsOf: (suite) => [...own, ...keyringsNamedFor(suite, values.archiveKeyring)],
    reproducible,
    unreproducible,
    vault: options.vault,
    rebuilderId: values.rebuilderId,
    rootLayout: values.rootLayout,
  };
}

function signingKey(
  name: string,
  fingerprint: Fingerprint,
  by: OpenPgpService,
  options: SettingsOptions,
): SigningKey {
  const { keys, keysFolder: folder, now, signerFor } = options;
  const key = usableKey(keys, { name, fingerprint, folder, now, by });
  return { ...key, signer: signerFor(fingerprint, by) };
}

/** Where the operator puts public keys. */
export function keysFolder(state: string): string {
  return join(state, 'keys');
}
