const state = '/var/lib/package-rebuilder-client';
const gpgHome = `${state}/gnupg`;
const sourceParts = '/etc/apt/sources.list.d';

/** Where everything of a verifier's set-up stands, seen from the machine's own root. */
export const places = {
  /** Read after any file that apt-transport-in-toto or a person calls `intoto`. */
  aptConf: '/etc/apt/apt.conf.d/zz-package-rebuilder-client',
  state,
  manifest: `${state}/installed.json`,
  layout: `${state}/root.layout`,
  gpgHome,
  /** Plain packets: gpg reads this where there is no keybox, locks nothing and makes no file beside it. */
  keyring: `${gpgHome}/pubring.gpg`,
  gpgConf: `${gpgHome}/gpg.conf`,
  sourceList: '/etc/apt/sources.list',
  sourceParts,
  /** The sources that the command line gave. */
  ownSources: `${sourceParts}/package-rebuilder-client.list`,
  methods: '/usr/lib/apt/methods',
} as const;

/** Names in sources.list.d that apt reads; it passes over all others (sources.list(5)). */
const sourcesName = /^[A-Za-z0-9_.-]+\.(?:list|sources)$/;

export function isSourcesName(name: string): boolean {
  return sourcesName.test(name) && name.length <= 255;
}

/** Whether this is one of the few files that an installation may write. */
export function isManaged(path: string): boolean {
  const { aptConf, layout, keyring, gpgConf, sourceList } = places;
  if ([aptConf, layout, keyring, gpgConf, sourceList].some((one) => one === path)) return true;
  const prefix = `${sourceParts}/`;
  return path.startsWith(prefix) && isSourcesName(path.slice(prefix.length));
}

/** Folders that are made where they are missing. */
export const ownFolders: readonly string[] = [state, gpgHome];
