import { type Place, PolicySyntaxError } from './errors.ts';
import { byCodePoint, repr, reprList, reprTuple, words } from './python-text.ts';
import { parseToken, type Token } from './tokens.ts';

export type Action =
  | Readonly<{ kind: 'allow'; target?: Token; user?: string; notify: boolean; autostart: boolean }>
  | Readonly<{
      kind: 'ask';
      target?: Token;
      defaultTarget?: Token;
      user?: string;
      notify: boolean;
      autostart: boolean;
    }>
  | Readonly<{ kind: 'deny'; notify: boolean }>;

/** One line of a policy; an absent service or argument matches any. */
export interface Rule {
  readonly service: string | undefined;
  /** With its leading `+`. */
  readonly argument: string | undefined;
  readonly source: Token;
  readonly target: Token;
  readonly action: Action;
  readonly place: Place;
}

/** The first two columns of a rule, parsed; absent means `*`. */
export type ServiceColumns = Readonly<{ service: string | undefined; argument: string | undefined }>;

/** @throws PolicySyntaxError */
export function parseServiceColumns(service: string, argument: string, place: Place): ServiceColumns {
  const columns = {
    service: service === '*' ? undefined : service,
    argument: argument === '*' ? undefined : argument,
  };
  if (columns.service !== undefined) refuseOddCharacters('service', service, /[^A-Za-z0-9._-]/gu, place);
  if (columns.argument !== undefined) {
    refuseOddCharacters('argument', argument, /[^A-Za-z0-9+._-]/gu, place);
    if (!argument.startsWith('+'))
      throw syntaxError(place, `argument ${repr(argument)} does not start with +`);
    if (columns.service === undefined) throw syntaxError(place, 'only * argument allowed for * service');
  }
  return columns;
}

/** A line of a policy file. @throws PolicySyntaxError */
export function parseRule(line: string, place: Place): Rule {
  const [service, argument, source, target, action, ...parameters] = words(line);
  if (
    service === undefined ||
    argument === undefined ||
    source === undefined ||
    target === undefined ||
    action === undefined
  ) {
    throw syntaxError(place, 'wrong number of fields');
  }
  return makeRule(
    parseServiceColumns(service, argument, place),
    { source, target, action, parameters },
    place,
  );
}

/** A line of a file of `!include-service`, where a comma also separates. @throws PolicySyntaxError */
export function parseServiceRule(columns: ServiceColumns, line: string, place: Place): Rule {
  const [source, target, ...rest] = words(line);
  const [action, ...parameters] = rest.flatMap((word) => word.split(','));
  if (source === undefined || target === undefined || action === undefined) {
    throw syntaxError(place, 'wrong number of fields');
  }
  return makeRule(columns, { source, target, action, parameters }, place);
}

type Fields = Readonly<{ source: string; target: string; action: string; parameters: readonly string[] }>;

function makeRule(columns: ServiceColumns, fields: Fields, place: Place): Rule {
  const source = parseToken('source', fields.source, place);
  const target = parseToken('target', fields.target, place);
  const action = parseAction(fields.action, fields.parameters, place);
  if (target.kind === 'default' && action.kind === 'allow' && action.target === undefined) {
    throw syntaxError(place, 'allow action for @default rule must specify target= option');
  }
  return { ...columns, source, target, action, place };
}

const allowedParameters = {
  allow: ['target', 'user', 'notify', 'autostart'],
  ask: ['target', 'default_target', 'user', 'notify', 'autostart'],
  deny: ['notify'],
} as const satisfies Record<Action['kind'], readonly string[]>;

const shownActions = { allow: 'Allow', ask: 'Ask', deny: 'Deny' } as const;

function parseAction(word: string, parameters: readonly string[], place: Place): Action {
  if (word !== 'allow' && word !== 'ask' && word !== 'deny') {
    throw syntaxError(place, `invalid action: ${word}`);
  }
  const given = parseParameters(parameters, place);
  const notify = yesOrNo('notify', given, place);
  const autostart = yesOrNo('autostart', given, place);
  const known: readonly string[] = allowedParameters[word];
  if ([...given.keys()].some((key) => !known.includes(key))) {
    throw syntaxError(place, `invalid parameters for action ${shownActions[word]}: ${reprList(parameters)}`);
  }
  if (word === 'deny') return { kind: 'deny', notify: notify ?? true };
  const redirect = (key: string): Token | undefined => {
    const text = given.get(key);
    return text === undefined ? undefined : parseToken('redirect', text, place);
  };
  const target = redirect('target');
  const defaultTarget = redirect('default_target');
  const user = given.get('user');
  return {
    kind: word,
    ...(target && { target }),
    ...(defaultTarget && { defaultTarget }),
    ...(user && { user }),
    notify: notify ?? false,
    autostart: autostart ?? true,
  };
}

function parseParameters(parameters: readonly string[], place: Place): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=');
    if (equals < 0) throw syntaxError(place, `invalid action parameter syntax: ${repr(parameter)}`);
    const key = parameter.slice(0, equals);
    if (given.has(key)) throw syntaxError(place, `parameter given twice: ${repr(key)}`);
    given.set(key, parameter.slice(equals + 1));
  }
  return given;
}

function yesOrNo(key: string, given: ReadonlyMap<string, string>, place: Place): boolean | undefined {
  const value = given.get(key);
  if (value === undefined) return undefined;
  if (value !== 'yes' && value !== 'no') {
    throw syntaxError(place, `${repr(key)} is ${repr(value)}, but can be only 'yes' or 'no'`);
  }
  return value === 'yes';
}

function refuseOddCharacters(what: string, text: string, odd: RegExp, place: Place): void {
  const found = [...new Set(text.match(odd))].sort(byCodePoint);
  if (found.length > 0) {
    throw syntaxError(place, `${what} ${repr(text)} contains invalid characters: ${reprTuple(found)}`);
  }
}

export function syntaxError(place: Place, what: string): PolicySyntaxError {
  return new PolicySyntaxError(place.file, place.line, what);
}
