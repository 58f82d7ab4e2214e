import type { World } from '../world.ts';
import { type LayoutBlock, signedOf, withStrangersKey } from './blocks.ts';
import type { Draw } from './draw.ts';
import { badSignature, type Expected, refused, unknownKey, wrongStep } from './expected.ts';
import { type Kind, layoutKind } from './kind.ts';

/** Layouts with good signatures that say something else. */

type Signed = LayoutBlock['signed'];

const fails = refused('inspection-unsupported', 'BadReturnValueError');
const violated = refused('rule-violated', 'RuleVerificationError');

export const signedLayouts: readonly Kind[] = [
  resigned('one that has expired', 2, refused('layout-expired', 'LayoutExpiredError'), (signed, draw) => {
    signed.expires = `${draw.between(1990, 2025)}${signed.expires.slice(4)}`.replace('-02-29', '-02-28');
  }),
  resigned('an expiry that is no time', 1, refused('layout-unreadable', 'FormatError'), (signed, draw) => {
    signed.expires = draw.pick([
      '2100-01-01',
      'never',
      '2100-01-01T00:00:00+00:00',
      '2100-01-01T00:00:00.5Z',
    ]);
  }),
  resigned('another step', 1, wrongStep, (signed, draw) => {
    signed.steps[0].name = draw.pick(['build', 'Rebuild', 'rebuild2']);
  }),
  resigned(
    'a threshold that is not met',
    1,
    refused('link-not-found', 'LinkNotFoundError'),
    ({ steps: [step] }) => {
      step.threshold = Number(step.threshold) + 1;
    },
  ),
  resigned('another rebuilder alone', 1, unknownKey, (signed) => {
    signed.steps[0].pubkeys.shift();
  }),
  resigned(
    'a rebuilder without a key',
    1,
    refused('threshold-not-met unknown-key', 'ThresholdVerificationError'),
    (signed) => {
      delete signed.keys[signed.steps[0].pubkeys[0] ?? ''];
    },
  ),
  resigned('a stranger’s key under a rebuilder’s id', 1, badSignature, (signed, _, world) =>
    withStrangersKey(signed, world),
  ),
  resigned(
    'a rebuilder’s key that has expired',
    1,
    refused('threshold-not-met key-expired', 'ThresholdVerificationError'),
    (signed, draw) => {
      const key = signed.keys[signed.steps[0].pubkeys[0] ?? ''];
      Object.assign(key ?? {}, {
        creation_time: 1_600_000_000,
        validity_period: draw.between(1, 100_000_000),
      });
    },
  ),
  resigned('a rule that wants more', 1, violated, (signed, draw) => {
    signed.steps[0].expected_products.unshift(
      draw.pick([
        ['REQUIRE', 'foo.changes'],
        ['DISALLOW', '*.deb'],
      ]),
    );
  }),
  resigned('a command that fails', 1, fails, (signed) => {
    signed.inspect[0].run = ['/bin/false'];
  }),
];

/** What Debian's method does and ours does not. */
export const layoutStrictness: readonly Kind[] = [
  resigned(
    'a command that would succeed',
    1,
    {
      method: 'inspection-unsupported',
      verify: 'inspection-unsupported',
      debian: 'accepted',
      why: 'it runs what a layout names, as root; ours runs nothing',
    },
    (signed) => {
      signed.inspect[0].run = ['/bin/echo', 'hello'];
    },
  ),
  {
    of: 'layout: in more bytes than anybody reads',
    times: 1,
    settings: ['one'],
    expected: {
      method: 'layout-too-large',
      verify: 'layout-missing',
      debian: 'accepted',
      why: 'it reads whatever is there, however much',
    },
    onlyLayout: true,
    change: ({ layout }) => ({ layout: layout.padEnd(16 * 1_048_576 + 1) }),
  },
];

/** As its owner might have written and signed it. */
function resigned(
  of: string,
  times: number,
  expected: Expected,
  edit: (signed: Signed, draw: Draw, world: World) => void,
): Kind {
  return layoutKind(`signed: ${of}`, times, expected, ({ layout }, draw, world) => {
    const signed = signedOf(layout);
    edit(signed, draw, world);
    return world.sign(signed, 'owner');
  });
}
