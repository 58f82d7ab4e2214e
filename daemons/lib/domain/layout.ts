import { parseRule, type Rule } from './artifact-rule.ts';
import { canonicalJson, type Json } from './canonical-json.ts';
import { parseUtcTime } from './date.ts';
import { type LayoutKey, parseLayoutKey, partsOf } from './layout-key.ts';
import { isObject, type JsonObject, MetablockError, shortKeyId } from './metablock.ts';

/** in-toto layouts: the document by which a verifier says whose rebuilds to believe. */

export type { LayoutKey } from './layout-key.ts';

export type Step = Readonly<{
  _type: 'step';
  name: string;
  pubkeys: readonly string[];
  threshold: number;
  expected_command: readonly string[];
  expected_materials: readonly Rule[];
  expected_products: readonly Rule[];
}>;

export type Inspection = Readonly<{
  _type: 'inspection';
  name: string;
  run: readonly string[];
  expected_materials: readonly Rule[];
  expected_products: readonly Rule[];
}>;

export type Layout = Readonly<{
  _type: 'layout';
  /** `YYYY-MM-DDTHH:MM:SSZ` and nothing else. */
  expires: string;
  readme: string;
  /** By primary key id; layouts of others may hold other kinds of keys. */
  keys: Readonly<Record<string, LayoutKey | JsonObject>>;
  steps: readonly Step[];
  inspect: readonly Inspection[];
}>;

/** Options that make no layout, in words for the person who gave them. */
export class LayoutError extends Error {
  override readonly name = 'LayoutError';
  constructor(
    readonly code: 'no-keys' | 'no-step' | 'threshold' | 'expiry' | 'key-collision',
    message: string,
  ) {
    super(message);
  }
}

export const maxLayoutKeys = 1_000;
export const maxLayoutSteps = 1_000;

export interface LayoutOptions {
  /** The rebuilders' public keys, in order of trust: with a threshold of 1 the first one's link is compared. */
  readonly rebuilders: readonly LayoutKey[];
  /** How many of them must have made the same files. */
  readonly threshold: number;
  /** `YYYY-MM-DDTHH:MM:SSZ`: when the layout stops being valid. */
  readonly expires: string;
  readonly readme?: string;
}

/**
 * The root layout that apt's transport judges by (facts: in-toto §5): step `rebuild` by the rebuilders, and an
 * inspection that matches the .deb at hand with its products.
 *
 * @throws LayoutError when it could never be satisfied
 */
export function buildLayout(options: LayoutOptions): Layout {
  const { rebuilders, threshold } = options;
  if (rebuilders.length === 0) throw new LayoutError('no-keys', 'a layout needs at least one rebuilder key');
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > rebuilders.length) {
    throw new LayoutError(
      'threshold',
      `threshold ${threshold}: expected a number from 1 to ${rebuilders.length}, the rebuilder keys given`,
    );
  }
  if (parseUtcTime(options.expires) === undefined) {
    throw new LayoutError('expiry', `expiry ${options.expires}: expected YYYY-MM-DDTHH:MM:SSZ`);
  }
  refuseCollisions(rebuilders);
  return {
    _type: 'layout',
    expires: options.expires,
    readme: options.readme ?? '',
    keys: Object.fromEntries(rebuilders.map((key) => [key.keyid, key])),
    steps: [
      {
        _type: 'step',
        name: 'rebuild',
        pubkeys: rebuilders.map((key) => key.keyid),
        threshold,
        expected_command: [],
        expected_materials: [],
        expected_products: [
          ['CREATE', '*.deb'],
          ['DISALLOW', '*.deb'],
        ],
      },
    ],
    inspect: [
      {
        _type: 'inspection',
        name: 'verify-reprobuilds',
        run: ['/usr/bin/true'],
        expected_materials: [
          ['MATCH', '*.deb', 'WITH', 'PRODUCTS', 'FROM', 'rebuild'],
          ['DISALLOW', '*.deb'],
        ],
        expected_products: [],
      },
    ],
  };
}

/**
 * Reads the signed part of a layout with the checks that in-toto makes when it loads one. `whenUnset` is the expiry of
 * one that has none: in-toto then takes a month from now.
 *
 * @throws MetablockError
 */
export function parseLayout(untrusted: JsonObject, whenUnset?: string): Layout {
  if (untrusted._type !== 'layout') throw new MetablockError('unknown-kind', '_type: expected "layout"');
  const { readme = '', keys = {}, steps, inspect } = untrusted;
  const expires = untrusted.expires || whenUnset;
  if (typeof expires !== 'string' || parseUtcTime(expires) === undefined) {
    throw new MetablockError('malformed', 'expires: expected YYYY-MM-DDTHH:MM:SSZ');
  }
  if (typeof readme !== 'string') throw new MetablockError('malformed', 'readme: expected a text');
  const layout: Layout = {
    _type: 'layout',
    expires,
    readme,
    keys: parseKeys(keys),
    steps: listOf(steps, 'steps', maxLayoutSteps).map(parseStep),
    inspect: listOf(inspect, 'inspect', maxLayoutSteps).map(parseInspection),
  };
  const names = [...layout.steps, ...layout.inspect].map((item) => item.name);
  if (new Set(names).size !== names.length) {
    throw new MetablockError('malformed', 'two steps or inspections have one name');
  }
  try {
    canonicalJson(layout as unknown as Json);
  } catch (error) {
    throw new MetablockError('malformed', 'it has no canonical form that could be signed', { cause: error });
  }
  return layout;
}

function parseKeys(untrusted: Json): Layout['keys'] {
  if (!isObject(untrusted)) throw new MetablockError('malformed', 'keys: expected an object');
  const entries = Object.entries(untrusted);
  if (entries.length > maxLayoutKeys) {
    throw new MetablockError('too-large', `keys: more than ${maxLayoutKeys}`);
  }
  const keys: Record<string, LayoutKey | JsonObject> = Object.create(null);
  for (const [keyid, key] of entries) keys[keyid] = parseLayoutKey(key, keyid);
  return keys;
}

function parseStep(untrusted: Json): Step {
  const {
    _type,
    name,
    pubkeys = [],
    threshold = 1,
    expected_command: command = [],
    ...rest
  } = item(untrusted);
  if (_type !== 'step') throw new MetablockError('malformed', 'steps: expected _type "step"');
  if (typeof threshold !== 'number' || !Number.isSafeInteger(threshold)) {
    throw new MetablockError('malformed', 'threshold: expected an integer');
  }
  return {
    _type: 'step',
    name: text(name, 'name of a step'),
    pubkeys: texts(pubkeys, 'pubkeys').map(parseKeyid),
    threshold,
    expected_command: texts(command, 'expected_command'),
    ...rules(rest),
  };
}

function parseInspection(untrusted: Json): Inspection {
  const { _type, name, run = [], ...rest } = item(untrusted);
  if (_type !== 'inspection') throw new MetablockError('malformed', 'inspect: expected _type "inspection"');
  return {
    _type: 'inspection',
    name: text(name, 'name of an inspection'),
    run: texts(run, 'run'),
    ...rules(rest),
  };
}

function rules(untrusted: JsonObject): Pick<Step, 'expected_materials' | 'expected_products'> {
  const { expected_materials: materials = [], expected_products: products = [] } = untrusted;
  const parse = (list: Json, where: string) =>
    listOf(list, where, maxLayoutSteps).map((rule) => parseRule(texts(rule, where), where));
  return {
    expected_materials: parse(materials, 'expected_materials'),
    expected_products: parse(products, 'expected_products'),
  };
}

function item(untrusted: Json): JsonObject {
  if (!isObject(untrusted)) throw new MetablockError('malformed', 'steps and inspect: expected objects');
  return untrusted;
}

function listOf(untrusted: Json | undefined, where: string, max: number): readonly Json[] {
  if (!Array.isArray(untrusted)) throw new MetablockError('malformed', `${where}: expected a list`);
  if (untrusted.length > max) throw new MetablockError('too-large', `${where}: more than ${max}`);
  return untrusted as readonly Json[];
}

function texts(untrusted: Json | undefined, where: string): readonly string[] {
  return listOf(untrusted, where, maxLayoutKeys).map((one) => text(one, where));
}

function parseKeyid(untrusted: string): string {
  if (!/^[a-fA-F0-9]+$/.test(untrusted)) throw new MetablockError('malformed', 'pubkeys: expected key ids');
  return untrusted;
}

function text(untrusted: Json | undefined, where: string): string {
  if (typeof untrusted !== 'string') throw new MetablockError('malformed', `${where}: expected a text`);
  return untrusted;
}

/**
 * in-toto names a link's file by 8 digits of its key: two keys that share them would overwrite each other's.
 *
 * @throws LayoutError `key-collision`
 */
export function refuseCollisions(keys: readonly (LayoutKey | JsonObject)[]): void {
  const seen = new Map<string, string>();
  for (const keyid of keys.flatMap(partsOf).map((part) => String(part.keyid))) {
    const other = seen.get(shortKeyId(keyid));
    if (other !== undefined) {
      throw new LayoutError('key-collision', `keys ${other} and ${keyid} share their first 8 digits`);
    }
    seen.set(shortKeyId(keyid), keyid);
  }
}
