/** Places inside a JSON value, for tests that change one thing at a time. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

type Step = string | number;

export interface JsonPlace {
  readonly steps: readonly Step[];
  /** `leases.*.job`: any index is a `*`. */
  readonly path: string;
  readonly value: Json;
}

/** A value as it crosses a wall: what JSON leaves of it. */
export function overTheWire(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Every place of a value, the value itself first; `skip` names the paths whose inside is left out. */
export function placesOf(value: Json, skip: (path: string) => boolean = () => false): readonly JsonPlace[] {
  const found: JsonPlace[] = [];
  const visit = (at: Json, steps: readonly Step[]) => {
    const path = steps.map((step) => (typeof step === 'number' ? '*' : step)).join('.');
    found.push({ steps, path, value: at });
    if (typeof at !== 'object' || at === null || skip(path)) return;
    const members: readonly (readonly [Step, Json])[] = isList(at)
      ? at.map((member, index) => [index, member] as const)
      : Object.entries(at);
    for (const [step, member] of members) visit(member, [...steps, step]);
  };
  visit(value, []);
  return found;
}

/** A copy with another value at one place. */
export function replaced(whole: Json, steps: readonly Step[], by: Json): Json {
  const [first, ...rest] = steps;
  if (first === undefined) return by;
  const inside = (whole as Readonly<Record<Step, Json>>)[first] as Json;
  if (isList(whole))
    return whole.map((member, index) => (index === first ? replaced(inside, rest, by) : member));
  return withMember(whole as Readonly<Record<string, Json>>, String(first), replaced(inside, rest, by));
}

/** A copy with one member more, as JSON.parse adds it: `__proto__` becomes a member like any other. */
export function withMember(object: Readonly<Record<string, Json>>, name: string, value: Json): Json {
  const copy = { ...object };
  Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

export function withoutMember(object: Readonly<Record<string, Json>>, name: string): Json {
  return Object.fromEntries(Object.entries(object).filter(([member]) => member !== name));
}

export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

export function isRecord(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !isList(value);
}
