import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Configuration } from '../../../../daemons/client/apt/configuration.ts';
import { type Field, MessageError } from '../../../../daemons/client/apt/message.ts';
import { awkwardTexts } from '../../../support/texts.ts';

const configuration = (...items: readonly string[]) =>
  new Configuration({ code: 601, fields: items.map((item): Field => ['Config-Item', item]) });

describe('Configuration', () => {
  it('gives back what was quoted, byte by byte', () => {
    const quoted = (text: string) => Buffer.from(text).toString('hex').replace(/../g, '%$&');
    const texts = awkwardTexts.filter((text) => !/[\ud800-\udfff]/.test(text));
    fc.assert(
      fc.property(fc.array(texts), (values) => {
        const read = configuration(...values.map((value) => `A%3a%3aList::=${quoted(value)}`));
        expect(read.list('a::LIST')).toEqual(values);
      }),
    );
  });

  it('answers any items with values or a MessageError', () => {
    const piece = fc.oneof(fc.constantFrom('::', '=', '%', '%4', 'APT::Intoto', 'dir'), awkwardTexts);
    const item = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(item), (items) => {
        try {
          const read = configuration(...items);
          expect(read.list('APT').every((value) => typeof value === 'string')).toBe(true);
          expect(read.folder('Dir::Cache::archives')).toMatch(/^\//);
        } catch (error) {
          expect(error).toBeInstanceOf(MessageError);
        }
      }),
    );
  });

  it('takes the names of items of a list for part of the list, but no longer names', () => {
    const read = configuration('A::L::=1', 'A::L::Named=2', 'A::Longer=3', 'A::L=0');
    expect(read.list('A::L')).toEqual(['1', '2', '0']);
    expect(read.below('A')).toEqual(['l', 'longer']);
  });

  it('puts folders together as apt does', () => {
    const dirs = ['Dir=/', 'Dir::Cache=var/cache/apt/', 'Dir::Cache::archives=archives/'];
    expect(configuration(...dirs).folder('Dir::Cache::archives')).toBe('/var/cache/apt/archives');
    expect(configuration(...dirs, 'RootDir=/srv/root').folder('Dir::Cache::archives')).toBe(
      '/srv/root/var/cache/apt/archives',
    );
    expect(configuration(...dirs, 'Dir::Cache::archives=/debs').folder('Dir::Cache::archives')).toBe('/debs');
  });
});
