import { choicesFor } from './choices.ts';
import { type Place, PolicySyntaxError, showPlace } from './errors.ts';
import { type CheckedRequest, dispvmBase, matches, Refusal } from './match.ts';
import type { Policy } from './parse.ts';
import type { Action, Rule } from './rule.ts';
import type { SystemInfo } from './system.ts';
import { isDom0, parseToken, type Token } from './tokens.ts';

/** A call as it reaches dom0. */
export interface PolicyRequest {
  readonly service: string;
  /** What follows the service's first `+`; empty when there is none. */
  readonly argument: string;
  /** The calling qube, from its socket. */
  readonly source: string;
  /** As the caller typed it: a name, `uuid:…`, `@default` or nothing, `@dispvm`, `@dispvm:NAME`, `@adminvm`. */
  readonly target: string;
  /** A RemoteVM on whose behalf the source, its relay, calls. */
  readonly requestedSource?: string;
}

export type Allowed = Readonly<{
  action: 'allow';
  /** A qube's name, `dom0`, or `@dispvm:NAME` for a fresh disposable of that base. */
  target: string;
  /** Whom the service is told as its caller: the RemoteVM, when its relay calls on its behalf (but not in dom0). */
  source: string;
  /** The service to call there instead, when the target is a RemoteVM and `target` its relay. */
  service?: string;
  /** Absent: the qube's default user. */
  user?: string;
  autostart: boolean;
  notify: boolean;
  rule: Place;
}>;

/** Where nobody can be asked, it is a denial. */
export type Asked = Readonly<{
  action: 'ask';
  /** Sorted. */
  choices: readonly string[];
  preselected?: string;
  user?: string;
  autostart: boolean;
  notify: boolean;
  rule: Place;
}>;

export type Denied = Readonly<{ action: 'deny'; reason: string; notify: boolean }>;
export type Verdict = Allowed | Asked | Denied;

/** What dom0 decides about a call. Never throws. */
export function evaluate(policy: Policy, request: PolicyRequest, system: SystemInfo): Verdict {
  try {
    return decide(policy, check(request, system), system);
  } catch (error) {
    if (error instanceof Refusal) return { action: 'deny', reason: error.message, notify: error.notify };
    if (error instanceof PolicySyntaxError) return { action: 'deny', reason: error.message, notify: true };
    throw error;
  }
}

function check(request: PolicyRequest, system: SystemInfo): CheckedRequest {
  return {
    service: request.service,
    argument: `+${request.argument}`,
    target: checkTarget(request.target || '@default', system),
    source: checkSource(request, system),
    caller: request.source,
  };
}

/** A name that does not exist asks for the default, as on Qubes. */
function checkTarget(text: string, system: SystemInfo): Token {
  const token = parseToken('intendedtarget', text);
  if (token.kind === 'name' && system.find(text) === undefined) {
    return parseToken('intendedtarget', '@default');
  }
  if (token.kind === 'dispvm-of' && !system.find(token.value)?.templateForDispvms) {
    throw new Refusal(`not a template for dispvm: ${token.value}`);
  }
  return token;
}

function checkSource({ source, requestedSource }: PolicyRequest, system: SystemInfo): string {
  if (!requestedSource) return source;
  const remote = system.find(requestedSource);
  if (remote === undefined) throw new Refusal(`unknown requested source qube '${requestedSource}'`);
  if (remote.type !== 'RemoteVM') {
    throw new Refusal(`${requestedSource}: requested source is only authorized for RemoteVM`);
  }
  if (remote.relayvm !== source) throw new Refusal(`${source} is not a relay for ${requestedSource}`);
  return requestedSource;
}

function decide(policy: Policy, request: CheckedRequest, system: SystemInfo): Verdict {
  const rule = policy.rules.find((candidate) => matches(candidate, request, system));
  if (rule === undefined) throw new Refusal('no matching rule found');
  const { action } = rule;
  if (action.kind === 'allow') return allow(rule, action, request, system);
  if (action.kind === 'ask') return ask(policy, rule, action, request, system);
  throw new Refusal(`denied by policy ${showPlace(rule.place)}`, action.notify);
}

type ActionOf<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>;

function allow(rule: Rule, action: ActionOf<'allow'>, request: CheckedRequest, system: SystemInfo): Allowed {
  const where = showPlace(rule.place);
  const asked = checkTarget((action.target ?? request.target).text, system);
  if (asked.kind === 'default') {
    throw new Refusal(
      `policy define 'allow' action at ${where} but no target is specified by caller or policy`,
    );
  }
  const target = asked.kind === 'dispvm' ? dispvmBase(request.source, system) : asked;
  if (target === undefined) {
    throw new Refusal(
      `policy define 'allow' action to @dispvm at ${where} but no DispVM base is set for this VM`,
    );
  }
  const text = target.kind === 'adminvm' ? 'dom0' : target.text;
  if (!action.autostart && !runsAlready(text, system)) {
    throw new Refusal(`target ${text} is denied because it would require autostart`, action.notify);
  }
  if (request.source === text) throw new Refusal('loopback qrexec connection not supported');
  return {
    action: 'allow',
    ...reach(text, action.user, request, system),
    source: isDom0(text) ? request.caller : request.source,
    autostart: action.autostart,
    notify: action.notify,
    rule: rule.place,
  };
}

/** Where an allowed call goes in the end. */
function reach(
  text: string,
  user: string | undefined,
  request: CheckedRequest,
  system: SystemInfo,
): Pick<Allowed, 'target' | 'service' | 'user'> {
  const as = user === undefined ? {} : { user };
  if (isDom0(text)) return { target: 'dom0', ...as };
  const qube = system.find(text.replace(/^@dispvm:/, ''));
  if (qube === undefined) throw new Refusal(`the DispVM base of ${text} does not exist`);
  if (text.startsWith('@dispvm:')) return { target: `@dispvm:${qube.name}`, ...as };
  if (qube.type !== 'RemoteVM') return { target: qube.name, ...as };
  if (!qube.relayvm) throw new Refusal(`${text}: relayvm is not set`);
  if (!qube.transportRpc) throw new Refusal(`${text}: transport RPC is not set`);
  const relay = system.find(qube.relayvm);
  if (relay === undefined) throw new Refusal(`${text}: its relay ${qube.relayvm} does not exist`);
  const service = `${qube.transportRpc}+${request.target.text}+${request.service}${request.argument}`;
  return { target: relay.name, service };
}

function ask(
  policy: Policy,
  rule: Rule,
  action: ActionOf<'ask'>,
  request: CheckedRequest,
  system: SystemInfo,
): Asked {
  const offered =
    action.target === undefined
      ? [...choicesFor(policy, request, system)]
      : [isDom0(action.target.text) ? 'dom0' : action.target.text];
  const choices = offered.filter((choice) => action.autostart || runsAlready(choice, system)).sort();
  if (choices.length === 0) {
    throw new Refusal(
      `policy define 'ask' action at ${showPlace(rule.place)} but no target is available to choose from`,
    );
  }
  const preselected = preselect(action.defaultTarget, request.source, system);
  return {
    action: 'ask',
    choices,
    ...(preselected !== undefined && choices.includes(preselected) && { preselected }),
    ...(action.user !== undefined && { user: action.user }),
    autostart: action.autostart,
    notify: action.notify,
    rule: rule.place,
  };
}

function preselect(token: Token | undefined, source: string, system: SystemInfo): string | undefined {
  if (token?.kind === 'dispvm') return dispvmBase(source, system)?.text;
  return token && (isDom0(token.text) ? 'dom0' : token.text);
}

/** What `autostart=no` lets through. */
function runsAlready(target: string, system: SystemInfo): boolean {
  if (isDom0(target)) return true;
  if (target.startsWith('@dispvm')) return false;
  const qube = system.find(target);
  if (qube === undefined) throw new Refusal(`unknown qube ${target}`);
  return qube.powerState === 'Running';
}
