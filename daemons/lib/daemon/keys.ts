import type { Fingerprint, RebuilderId } from '../domain/names.ts';
import { daemonRoles } from '../domain/roles.ts';
import * as value from './values.ts';

/** The roles that read rebuilder.conf. */
export const configRoles = [...daemonRoles, 'rebuilderctl', 'standalone'] as const;
export type Role = (typeof configRoles)[number];

/**
 * `celery`: only in [celery]. `project`: in a project's section, else in [common]. `dist`: in a project's section
 * only. In a file of the old form each stands in [DEFAULT].
 */
export type Place = 'celery' | 'project' | 'dist';

export interface Key<T, R extends Role, P extends Place> {
  /** As the file spells it; the first is today's name, the others older ones. */
  readonly names: readonly [string, ...string[]];
  readonly place: P;
  readonly readers: readonly R[];
  readonly parse: (text: string) => T;
  readonly fallback: T;
  /** The variable that stands in for a missing key, as in the seed. */
  readonly variable?: string;
}

function key<const T, const R extends Role, const P extends Place>(definition: Key<T, R, P>): Key<T, R, P> {
  return definition;
}

const gibibyte = 2 ** 30;

/** Every key of the seed (facts: upstream §2) and ours, by the name under which a role reads it. */
export const keys = {
  broker: key({
    names: ['broker'],
    place: 'celery',
    readers: ['orchestrator'],
    parse: value.broker,
    fallback: { kind: 'embedded' },
    variable: 'CELERY_BROKER_URL',
  }),
  backend: key({
    names: ['backend', 'mongodb'],
    place: 'celery',
    readers: ['orchestrator'],
    parse: value.backend,
    fallback: { kind: 'embedded' },
    variable: 'CELERY_RESULT_BACKEND',
  }),
  /** How often a failure of ours is tried again. */
  maxRetries: key({
    names: ['max_retries'],
    place: 'celery',
    readers: ['orchestrator'],
    parse: value.integer(0, 100, 'a number'),
    fallback: 2,
  }),
  dists: key({
    names: ['dist'],
    place: 'dist',
    readers: ['orchestrator', 'getter', 'attester', 'reporter', 'uploader', 'rebuilderctl', 'standalone'],
    parse: value.dists,
    fallback: [],
  }),
  /** Seconds between two readings of a feed. */
  scheduleGet: key({
    names: ['schedule_get', 'schedule'],
    place: 'project',
    readers: ['orchestrator'],
    parse: value.duration,
    fallback: 1_800,
  }),
  /** Seconds between two reports. */
  scheduleGenerateResults: key({
    names: ['schedule_generate_results'],
    place: 'project',
    readers: ['orchestrator'],
    parse: value.duration,
    fallback: 300,
  }),
  /** Bytes of objects the orchestrator keeps. */
  objectsQuota: key({
    names: ['objects-quota'],
    place: 'project',
    readers: ['orchestrator'],
    parse: value.bytes,
    fallback: undefined as number | undefined,
  }),
  /** The seed's default was retired with its service. */
  snapshot: key({
    names: ['snapshot'],
    place: 'project',
    readers: ['getter'],
    parse: value.webUrl,
    fallback: undefined as string | undefined,
  }),
  /** apt's sources.list lines; undefined is the host's own apt configuration. */
  mirror: key({
    names: ['mirror'],
    place: 'project',
    readers: ['getter', 'rebuilderctl'],
    parse: value.sourcesLines,
    fallback: undefined as readonly string[] | undefined,
  }),
  checkValidUntil: key({
    names: ['check-valid-until'],
    place: 'project',
    readers: ['getter', 'attester'],
    parse: value.yesNo,
    fallback: undefined as boolean | undefined,
  }),
  /** Keys of archives beside Debian's own, each for the one distribution that it vouches for. */
  archiveKeyring: key({
    names: ['archive-keyring'],
    place: 'project',
    readers: ['getter', 'attester'],
    parse: value.suiteFiles,
    fallback: [],
  }),
  /** A buildinfo service's URL or a folder; undefined is inferred environments. */
  buildinfos: key({
    names: ['buildinfos'],
    place: 'project',
    readers: ['getter'],
    parse: value.webUrlOrFolder,
    fallback: undefined as string | undefined,
  }),
  signKey: key({
    names: ['in-toto-sign-key-fpr'],
    place: 'project',
    readers: ['attester'],
    parse: value.fingerprint,
    fallback: undefined as Fingerprint | undefined,
  }),
  signKeyUnreproducible: key({
    names: ['in-toto-sign-key-unreproducible-fpr'],
    place: 'project',
    readers: ['attester'],
    parse: value.fingerprint,
    fallback: undefined as Fingerprint | undefined,
  }),
  /**
   * Keys that signed before in place of `signKey`, the last one first: what their links name is kept when these are
   * merged, until they expire. A revoked key is none of them.
   */
  signKeyPrevious: key({
    names: ['in-toto-sign-key-previous-fpr'],
    place: 'project',
    readers: ['attester'],
    parse: value.fingerprints,
    fallback: [],
  }),
  /** The same of `signKeyUnreproducible`. */
  signKeyUnreproduciblePrevious: key({
    names: ['in-toto-sign-key-unreproducible-previous-fpr'],
    place: 'project',
    readers: ['attester'],
    parse: value.fingerprints,
    fallback: [],
  }),
  openpgp: key({
    names: ['openpgp'],
    place: 'project',
    readers: ['attester'],
    parse: value.oneOf('qubes.Gpg', 'qubes.Gpg2'),
    fallback: 'qubes.Gpg',
  }),
  /** By which statements name whoever rebuilds. */
  rebuilderId: key({
    names: ['rebuilder-id'],
    place: 'project',
    readers: ['attester'],
    parse: value.rebuilderId,
    fallback: undefined as RebuilderId | undefined,
  }),
  /** Documents that `rebuilder.Sign` signs in a minute. */
  signRate: key({
    names: ['sign-rate'],
    place: 'project',
    readers: ['vault'],
    parse: value.integer(1, 1_000_000, 'a number of documents a minute'),
    fallback: 1_200,
  }),
  rootLayout: key({
    names: ['root-layout'],
    place: 'project',
    readers: ['attester'],
    parse: value.absolutePath,
    fallback: undefined as string | undefined,
  }),
  sshKey: key({
    names: ['repo-ssh-key'],
    place: 'project',
    readers: ['uploader'],
    parse: value.word('the name or path of a key file'),
    fallback: undefined as string | undefined,
  }),
  sshHost: key({
    names: ['repo-remote-ssh-host'],
    place: 'project',
    readers: ['uploader'],
    parse: value.word('[USER@]HOST[:PORT]'),
    fallback: undefined as string | undefined,
  }),
  sshBasedir: key({
    names: ['repo-remote-ssh-basedir'],
    place: 'project',
    readers: ['uploader'],
    parse: value.word('a folder of the mirror'),
    fallback: undefined as string | undefined,
  }),
  /** Where the webhook listens; a proxy that speaks https stands before it. */
  webhookListen: key({
    names: ['webhook-listen'],
    place: 'project',
    readers: ['webhook'],
    parse: value.hostAndPort,
    fallback: { host: '127.0.0.1', port: 8_090 },
  }),
  /** The file of hooks and their secrets, which is in the webhook's qube alone. */
  webhookHooks: key({
    names: ['webhook-hooks'],
    place: 'project',
    readers: ['webhook'],
    parse: value.absolutePath,
    fallback: undefined as string | undefined,
  }),
  slots: key({
    names: ['slots'],
    place: 'project',
    readers: ['rebuilder'],
    parse: value.integer(1, 64, 'a number of builds at once'),
    fallback: undefined as number | undefined,
  }),
  /** Bytes. */
  buildMemory: key({
    names: ['build-memory'],
    place: 'project',
    readers: ['rebuilder'],
    parse: value.bytes,
    fallback: undefined as number | undefined,
  }),
  /** Seconds. */
  buildTime: key({
    names: ['build-time'],
    place: 'project',
    readers: ['rebuilder'],
    parse: value.duration,
    fallback: 24 * 3_600,
  }),
  buildProcesses: key({
    names: ['build-processes'],
    place: 'project',
    readers: ['rebuilder'],
    parse: value.integer(16, 1_000_000, 'a number of processes'),
    fallback: 4_096,
  }),
  /** Bytes of files and scratch space. */
  buildOutput: key({
    names: ['build-output'],
    place: 'project',
    readers: ['rebuilder'],
    parse: value.bytes,
    fallback: 20 * gibibyte,
  }),
  /** Bytes. */
  buildLog: key({
    names: ['build-log'],
    place: 'project',
    readers: ['rebuilder'],
    parse: value.bytes,
    fallback: gibibyte / 4,
  }),
  /** Whether bases are made for later builds; `finish`: also one that is being made when the rebuilder is told to stop. */
  keepBases: key({
    names: ['keep-bases'],
    place: 'project',
    readers: ['rebuilder'],
    parse: value.oneOf('yes', 'no', 'finish'),
    fallback: 'yes',
  }),
} as const;

export type Keys = typeof keys;
export type KeyName = keyof Keys;
