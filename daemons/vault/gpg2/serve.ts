import type { Writable } from 'node:stream';
import type { Agent, AgentLink } from './agent.ts';
import { FilteredCommand, filteredAnswer, judgeCommand, type Verdict } from './commands.ts';
import { readLines } from './lines.ts';

/** A signature that was made, before anyone gets it: the digest is all that a vault of split-gpg2 ever sees. */
export type Signed = Readonly<{ keygrip: string; digest: string }>;

export interface ServeOptions {
  readonly agent: Agent;
  /** Keeps the signature in the log; one that cannot be logged does not leave the vault. */
  readonly onSigned: (signed: Signed) => Promise<void>;
}

/** Stands between a caller's gpg and the vault's agent: one connection of `qubes.Gpg2`, until the caller has what it came for. */
export async function serveConnection(
  input: AsyncIterable<Buffer>,
  output: Writable,
  options: ServeOptions,
): Promise<void> {
  const { link, greeting } = await options.agent.open('restricted');
  const say = (lines: readonly string[]) => output.write(lines.map((line) => `${line}\n`).join(''), 'latin1');
  let chosen: Signed = { keygrip: '', digest: '' };
  try {
    say([greeting]);
    for await (const line of readLines(input)) {
      if (line === '') continue;
      const verdict = judgeCommand(line);
      if (verdict.act === 'end') return void say(['OK closing connection']);
      if (verdict.act === 'answer') {
        say([verdict.line]);
        continue;
      }
      const lines = await asked(verdict, link, options.agent);
      if (verdict.key !== undefined) chosen = { ...chosen, keygrip: verdict.key };
      if (verdict.digest !== undefined) chosen = { ...chosen, digest: verdict.digest };
      if (verdict.signs && /^OK(?: |$)/.test(lines.at(-1) ?? '')) await options.onSigned(chosen);
      say(lines);
      if (verdict.key !== undefined && !(await isKnown(verdict.key, link, options.agent))) {
        throw new FilteredCommand(line);
      }
    }
  } catch (error) {
    if (!(error instanceof FilteredCommand)) throw error;
    say([filteredAnswer]);
    throw error;
  } finally {
    link.close();
  }
}

/** split-gpg2 looks only once gpg has its answer: the caller hears `OK`, and that it is filtered. */
async function isKnown(keygrip: string, link: AgentLink, agent: Agent): Promise<boolean> {
  if ((await link.ask(`HAVEKEY ${keygrip}`)).at(-1)?.startsWith('OK')) return true;
  return (await agent.keygrips()).has(keygrip);
}

/** The restricted socket does not list keys: that alone is asked of the full one. */
async function asked(
  { line, full }: Extract<Verdict, { act: 'ask' }>,
  link: AgentLink,
  agent: Agent,
): Promise<readonly string[]> {
  if (!full) return await link.ask(line);
  const other = await agent.open('full');
  try {
    return await other.link.ask(line);
  } finally {
    other.link.close();
  }
}
