/** Bytes that are not the OpenPGP they should be, or a key or signature that in-toto cannot use. */
export class OpenPgpError extends Error {
  override readonly name = 'OpenPgpError';
  constructor(
    readonly code: 'malformed' | 'unsupported' | 'too-large' | 'no-key' | 'bad-signature' | 'expired' | 'gpg',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
