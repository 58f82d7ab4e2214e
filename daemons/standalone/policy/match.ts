import type { Rule } from './rule.ts';
import type { SystemInfo } from './system.ts';
import { isDom0, parseToken, type Token } from './tokens.ts';

/** Why a call is refused although a rule may have matched. Caught by `evaluate`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    message: string,
    readonly notify = true,
  ) {
    super(message);
  }
}

/** A request as rules see it: the target checked, the argument with its `+`. */
export interface CheckedRequest {
  readonly service: string;
  readonly argument: string;
  /** Whom rules see as the source: the caller, or the RemoteVM for which it speaks. */
  readonly source: string;
  readonly caller: string;
  readonly target: Token;
}

export function matches(rule: Rule, request: CheckedRequest, system: SystemInfo): boolean {
  return (
    matchesButTarget(rule, request, system) &&
    matchesTarget(rule.target, request.target, request.source, system)
  );
}

export function matchesButTarget(rule: Rule, request: CheckedRequest, system: SystemInfo): boolean {
  return (
    (rule.service === undefined || rule.service === request.service) &&
    (rule.argument === undefined || rule.argument === request.argument) &&
    matchesQube(rule.source, request.source, system)
  );
}

/** The base that `@dispvm` means for a qube, as a token; undefined when it has none. */
export function dispvmBase(source: string, system: SystemInfo): Token | undefined {
  const base = system.find(source)?.defaultDispvm;
  return base === undefined ? undefined : parseToken('intendedtarget', `@dispvm:${base}`);
}

function matchesTarget(rule: Token, asked: Token, source: string, system: SystemInfo): boolean {
  if (rule.kind === 'dispvm-of') {
    if (asked.kind === 'dispvm') return rule.text === baseOrRefusal(rule, source, system).text;
    return asked.kind === 'dispvm-of' && sameQube(rule.value, asked.value, system);
  }
  if (rule.kind === 'dispvm-tag') {
    const wanted = asked.kind === 'dispvm' ? dispvmBase(source, system) : asked;
    if (wanted?.kind !== 'dispvm-of') return false;
    const base = system.find(wanted.value);
    if (base === undefined) throw new Refusal(`the DispVM base ${wanted.value} does not exist`);
    return base.templateForDispvms && base.tags.includes(rule.value);
  }
  return matchesQube(rule, asked.text, system);
}

/** dom0's evaluation breaks off here, so that no later rule is tried: the call is refused. */
function baseOrRefusal(rule: Token, source: string, system: SystemInfo): Token {
  const base = dispvmBase(source, system);
  if (base === undefined) {
    throw new Refusal(`${source} has no DispVM base to compare with ${rule.text}`);
  }
  return base;
}

function matchesQube(rule: Token, other: string, system: SystemInfo): boolean {
  switch (rule.kind) {
    case 'wildcard':
      return true;
    case 'anyvm':
      return !isDom0(other);
    case 'adminvm':
      return isDom0(other);
    case 'type':
      return system.find(other)?.type === rule.value;
    case 'tag':
      return system.find(other)?.tags.includes(rule.value) ?? false;
    case 'name':
      return isDom0(rule.text) ? isDom0(other) : sameQube(rule.text, other, system);
    case 'default':
    case 'dispvm':
      return rule.text === other;
    case 'dispvm-of':
    case 'dispvm-tag':
      return false;
  }
}

/** By name or, where one side is a uuid, by the other's uuid. */
function sameQube(a: string, b: string, system: SystemInfo): boolean {
  const [aUuid, bUuid] = [a.startsWith('uuid:'), b.startsWith('uuid:')];
  if (aUuid === bUuid) return a === b;
  const [uuid, name] = aUuid ? [a, b] : [b, a];
  const known = system.find(name)?.uuid;
  return known !== undefined && uuid === `uuid:${known}`;
}
