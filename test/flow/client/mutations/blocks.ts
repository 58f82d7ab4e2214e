import type { JsonObject } from '../../../../daemons/lib/domain/metablock.ts';
import type { World } from '../world.ts';

/** JSON in the hands of whoever changes it. */
export interface LinkBlock {
  signatures: { keyid: string; other_headers: string; signature: string }[];
  signed: { name: string; products: Record<string, Record<string, string>>; [member: string]: unknown };
  [member: string]: unknown;
}

interface Step {
  name: string;
  pubkeys: string[];
  threshold: unknown;
  expected_products: string[][];
}

export interface LayoutBlock {
  signatures: { keyid: string; other_headers: string; signature: string }[];
  signed: {
    expires: string;
    keys: Record<string, { keyval: { public: { n: string } }; [member: string]: unknown }>;
    steps: [Step];
    inspect: [{ run: string[]; expected_materials: string[][] }];
    [member: string]: unknown;
  };
  [member: string]: unknown;
}

/** A document after some change of its JSON, written as in-toto's tools write it but for the order of members. */
export function edited<Block>(text: string, edit: (block: Block) => void): string {
  const block = JSON.parse(text) as Block;
  edit(block);
  return JSON.stringify(block, null, 1);
}

/** What a layout says, for its owner to sign something else. */
export function signedOf(layout: string): LayoutBlock['signed'] & JsonObject {
  return (JSON.parse(layout) as { signed: LayoutBlock['signed'] & JsonObject }).signed;
}

/** Puts a stranger's key under the id of the first rebuilder's. */
export function withStrangersKey({ keys, steps }: LayoutBlock['signed'], world: World): void {
  const key = keys[steps[0].pubkeys[0] ?? ''];
  if (key !== undefined) Object.assign(key, { keyval: world.key('unlisted').keyval });
}
