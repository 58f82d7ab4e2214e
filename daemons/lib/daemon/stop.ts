let stopping: AbortController | undefined;

/** Aborted by the first SIGTERM or SIGINT; the same signal however often it is asked for. */
export function stopSignal(): AbortSignal {
  if (stopping === undefined) {
    const controller = new AbortController();
    stopping = controller;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => controller.abort(new StopError(name)));
    }
  }
  return stopping.signal;
}

/** The reason of everything that ends because the daemon was told to stop. */
export class StopError extends Error {
  override readonly name = 'StopError';
  constructor(signal: string) {
    super(`stopping on ${signal}`);
  }
}
