import { ContractError } from '../../contracts/contract.ts';
import {
  maxEnvelopeBytes,
  payloadTypes,
  preAuthEncoding,
  readEnvelope,
} from '../../contracts/documents/dsse.ts';
import { readStatement, type Statement } from '../../contracts/documents/statement.ts';
import { type Ed25519Public, ed25519KeyId, signatureCheck } from '../ed25519.ts';
import { EvidenceError } from './errors.ts';
import type { EvidenceOptions } from './subject.ts';

/**
 * The statement published at `path`, which one of these keys signed, whatever its envelope calls it.
 *
 * @throws EvidenceError `statement-missing`, `statement-malformed`, `statement-unsigned`
 */
export async function openStatement(
  path: string,
  read: EvidenceOptions['read'],
  keys: readonly Ed25519Public[],
): Promise<Statement> {
  const content = await read(path, maxEnvelopeBytes);
  if (content === undefined) throw new EvidenceError('statement-missing', `no statement at ${path}`);
  try {
    return readSigned(content, keys);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new EvidenceError('statement-malformed', error.message, { cause: error });
  }
}

function readSigned(content: Buffer, keys: readonly Ed25519Public[]): Statement {
  const { payload, payloadType, signatures } = readEnvelope(content);
  const signed = preAuthEncoding(payloadTypes.statement, payload);
  const checks = keys.map(signatureCheck);
  const isGood = signatures.some(({ signature }) => checks.some((check) => check(signed, signature)));
  if (payloadType === payloadTypes.statement && isGood) return readStatement(payload);
  const by = signatures.map(({ keyid }) => JSON.stringify(keyid)).join(', ');
  throw new EvidenceError(
    'statement-unsigned',
    `the statement is not signed by key ${keys.map(ed25519KeyId).join(' or ')}: its envelope names ${by}`,
  );
}
