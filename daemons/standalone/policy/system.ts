/** What policy may ask about one qube; the fields are those of qubesd's internal.GetSystemInfo. */
export interface QubeFacts {
  readonly name: string;
  readonly uuid?: string;
  /** AppVM, TemplateVM, StandaloneVM, DispVM, AdminVM, RemoteVM. */
  readonly type: string;
  readonly tags: readonly string[];
  /** Only `Running` counts, for `autostart=no`. */
  readonly powerState: string;
  readonly templateForDispvms: boolean;
  /** What `@dispvm` means when this qube asks for it. */
  readonly defaultDispvm?: string;
  /** Never offered as a choice. */
  readonly internal?: boolean;
  /** RemoteVM only: the local qube that reaches it, and the service there. */
  readonly relayvm?: string;
  readonly transportRpc?: string;
}

/** The qubes there are, each by its name and by `uuid:` and its uuid. */
export interface SystemInfo {
  readonly qubes: readonly QubeFacts[];
  find(nameOrUuid: string): QubeFacts | undefined;
}

export function describeSystem(qubes: Iterable<QubeFacts>): SystemInfo {
  const all = [...qubes];
  const known = new Map<string, QubeFacts>();
  for (const qube of all) {
    known.set(qube.name, qube);
    if (qube.uuid !== undefined) known.set(`uuid:${qube.uuid}`, qube);
  }
  return { qubes: all, find: (nameOrUuid) => known.get(nameOrUuid) };
}
