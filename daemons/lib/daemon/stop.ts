let stopping: AbortSignal | undefined;
let quitting: AbortSignal | undefined;

/** Aborted by the first SIGTERM or SIGINT; the same signal however often it is asked for. */
export function stopSignal(): AbortSignal {
  stopping ??= abortedOn('SIGTERM', 'SIGINT');
  return stopping;
}

/** Aborted by SIGQUIT: somebody does not want to wait for what is still being done. */
export function quitSignal(): AbortSignal {
  quitting ??= abortedOn('SIGQUIT');
  return quitting;
}

function abortedOn(...names: readonly NodeJS.Signals[]): AbortSignal {
  const controller = new AbortController();
  for (const name of names) process.on(name, () => controller.abort(new StopError(name)));
  return controller.signal;
}

/** The reason of everything that ends because the daemon was told to stop. */
export class StopError extends Error {
  override readonly name = 'StopError';
  constructor(signal: string) {
    super(`stopping on ${signal}`);
  }
}
