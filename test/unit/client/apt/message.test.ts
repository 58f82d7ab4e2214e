import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  codes,
  fieldOf,
  formatMessage,
  MessageError,
  maxFields,
  maxMessageBytes,
  type ReceivedMessage,
  readMessages,
} from '../../../../daemons/client/apt/message.ts';
import { awkwardTexts } from '../../../support/texts.ts';

async function read(...chunks: readonly (string | Buffer)[]): Promise<ReceivedMessage[]> {
  async function* stream() {
    for (const chunk of chunks) yield Buffer.from(chunk as string);
  }
  const messages: ReceivedMessage[] = [];
  for await (const message of readMessages(stream(), 'apt')) messages.push(message);
  return messages;
}

const acquire = '600 URI Acquire\nURI: intoto://h/a_1_all.deb\nFilename: /p/a_1_all.deb\n\n';

describe('readMessages', () => {
  it('reads fields by their names in any case, the first of each, and keeps the bytes', async () => {
    const [message] = await read('201 URI Done\nfilename:  /a \nFilename: /b\nSize: 5\nEmpty:\n\n');
    expect(message).toMatchObject({ code: codes.uriDone });
    const found = ['FILENAME', 'Size', 'Empty', 'None'].map((name) =>
      fieldOf(message as ReceivedMessage, name),
    );
    expect(found).toEqual(['/a', '5', undefined, undefined]);
    expect(message?.raw.toString()).toBe('201 URI Done\nfilename:  /a \nFilename: /b\nSize: 5\nEmpty:\n\n');
  });

  it('joins folded lines as apt does', async () => {
    const [message] = await read('201 URI Done\nGPGVOutput: GOOD\n A 1\n B: 2\nSize: 1\n\n');
    expect(message?.fields).toEqual([
      ['GPGVOutput', 'GOOD\nA 1\nB: 2'],
      ['Size', '1'],
    ]);
  });

  it('finds its messages wherever the stream is cut', async () => {
    const field = fc.tuple(
      fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,10}$/),
      fc.stringMatching(/^[!-~\u00e4](?:[ -~]{0,20}[!-~])?$/),
    );
    const sent = fc.record({ code: fc.integer({ min: 100, max: 699 }), fields: fc.array(field) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(sent, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.constantFrom('\n', '\r\n'),
        fc.constantFrom('', '\n', '\n\r\n'),
        async (messages, cuts, end, between) => {
          const text = messages
            .map(({ code, fields }) =>
              [`${code} Text`, ...fields.map((pair) => pair.join(': ')), '', ''].join(end),
            )
            .join(between);
          const bytes = Buffer.from(text, 'latin1');
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
            (a, b) => a - b,
          );
          const chunks = places.map((place, index) => bytes.subarray(places[index - 1] ?? 0, place));
          const found = await read(...chunks);
          expect(found.map(({ code, fields }) => ({ code, fields }))).toEqual(messages);
        },
      ),
    );
  });

  it('answers any bytes with messages or a MessageError, and what it read reads the same again', async () => {
    const pieces = fc.oneof(
      fc.constantFrom('\n', '\n\n', '\r\n', ':', ' ', '600 ', '201 URI Done\n', 'URI: x\n', '999999'),
      awkwardTexts,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (chunks) => {
        const found = await read(...chunks).catch((error: unknown) => {
          expect(error).toBeInstanceOf(MessageError);
          return [];
        });
        expect(await read(...found.map(({ raw }) => raw))).toEqual(found);
      }),
    );
  });

  it.each([
    [
      'no status code',
      'URI Acquire\nURI: x\n\n',
      'malformed',
      'apt sent "URI Acquire": expected a status code',
    ],
    ['four digits', '6000 URI Acquire\n\n', 'malformed', 'expected a status code of three digits'],
    [
      'a line that is no field',
      '600 URI Acquire\nnonsense\n\n',
      'malformed',
      'apt sent "nonsense": expected a line',
    ],
    ['a fold of nothing', '600 URI Acquire\n URI: x\n\n', 'malformed', 'expected a line'],
    ['an end inside a message', `${acquire}600 URI Acquire\nURI: x\n`, 'truncated', 'in the middle'],
    [
      'too many lines',
      `601 Configuration\n${'A: b\n'.repeat(maxFields + 1)}\n`,
      'too-large',
      `${maxFields} lines`,
    ],
    ['too many bytes', 'x'.repeat(maxMessageBytes + 1), 'too-large', `${maxMessageBytes} bytes`],
  ])('%s', async (_what, bytes, code, say) => {
    const error = await read(bytes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringContaining(say) });
  });
});

describe('formatMessage', () => {
  it('says one line about a URI, whatever the text holds', async () => {
    await fc.assert(
      fc.asyncProperty(awkwardTexts, async (say) => {
        const [message, ...more] = await read(
          formatMessage(codes.uriFailure, `.${say}.`, 'intoto://h/%c3%a4'),
        );
        expect(more).toEqual([]);
        expect(message?.fields.map(([name]) => name)).toEqual(['URI', 'Message']);
        expect(fieldOf(message as ReceivedMessage, 'uri')).toBe('intoto://h/%c3%a4');
      }),
    );
  });

  it('writes what is not ASCII as UTF-8', () => {
    expect(formatMessage(codes.generalFailure, 'Größe').toString('utf8')).toBe(
      '401 General Failure\nMessage: Größe\n\n',
    );
  });
});
