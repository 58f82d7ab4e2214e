import type { Socket } from 'node:net';

/**
 * Carries bytes between a caller and the agent that answers it until both have ended; the loss of one ends the other.
 * Resolves with whether the agent said anything: one that closes without a word did not start the call.
 */
export function join(caller: Socket, agent: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    let open = 2;
    const closed = () => {
      open -= 1;
      if (open === 0) resolve(agent.bytesRead > 0);
    };
    for (const [from, to] of [
      [caller, agent],
      [agent, caller],
    ] as const) {
      from.pipe(to);
      from.on('error', () => {});
      from.once('close', () => {
        // What was received before the loss is still delivered: it may be the exit code.
        if (!to.writableEnded) to.end();
        if (from === caller) to.destroy();
        closed();
      });
    }
  });
}
