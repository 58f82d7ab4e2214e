import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NameError } from '../../../daemons/lib/domain/names.ts';
import { parsePackage } from '../../../daemons/rebuilderctl/package-argument.ts';
import { sourceNames, versions } from '../../support/contract-values.ts';

describe('a package on the command line', () => {
  it('is a source, and its version if one is given', () => {
    fc.assert(
      fc.property(sourceNames, versions, (source, version) => {
        expect(parsePackage(source)).toEqual({ source });
        expect(parsePackage(`${source}=${version}`)).toEqual({ source, version });
      }),
    );
  });

  it.each(['', '=', '=1', 'dash=', 'dash=1=2', 'dash =1', '--suite', 'dash/bookworm', 'Dash', '../dash'])(
    'is not %j',
    (text) => {
      expect(() => parsePackage(text)).toThrow(NameError);
    },
  );

  it('of any text is made of names, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z]{1,5}={0,2}[0-9:=~]{0,5}$/)), (text) => {
        try {
          const { source, version } = parsePackage(text);
          expect(version === undefined ? source : `${source}=${version}`).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(NameError);
        }
      }),
    );
  });
});
