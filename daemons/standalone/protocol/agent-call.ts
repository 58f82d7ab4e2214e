import { MessageError, maxServiceBytes } from './messages.ts';

/** What the broker, having judged a call, tells the agent of its target: dom0's `user:QUBESRPC service+arg source`. */
export interface AgentCall {
  /** With its `+`, argument or not. */
  readonly service: string;
  /** The calling qube, by the socket it came through. */
  readonly source: string;
  /** The `user=` of policy, if any. */
  readonly user?: string;
  /** For a call to `@dispvm`: the fresh qube's name, and its base. */
  readonly disposable?: Readonly<{ name: string; base: string }>;
}

const maxCallBytes = maxServiceBytes + 1_024;

export function encodeAgentCall(call: AgentCall): Buffer {
  return Buffer.from(`${JSON.stringify(call)}\n`);
}

/** Reads the first line of what the broker sends; `undefined` while it is incomplete. */
export function parseAgentCall(bytes: Buffer): Readonly<{ call: AgentCall; rest: Buffer }> | undefined {
  const end = bytes.indexOf(0x0a);
  if (end < 0 && bytes.length <= maxCallBytes) return undefined;
  if (end < 0 || end > maxCallBytes) throw new MessageError('the call is too long');
  return { call: callOf(bytes.subarray(0, end).toString('utf8')), rest: bytes.subarray(end + 1) };
}

function callOf(line: string): AgentCall {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new MessageError('the call is not JSON');
  }
  const fields = recordOf(value);
  const disposable = fields.disposable === undefined ? undefined : recordOf(fields.disposable);
  return {
    service: textOf(fields.service),
    source: textOf(fields.source),
    ...(fields.user === undefined ? {} : { user: textOf(fields.user) }),
    ...(disposable === undefined
      ? {}
      : { disposable: { name: textOf(disposable.name), base: textOf(disposable.base) } }),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new MessageError('the call is not an object');
  return value as Readonly<Record<string, unknown>>;
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' || value === '' || /[\s\0]/.test(value)) {
    throw new MessageError('the call lacks a name');
  }
  return value;
}
