/** The policy cannot be loaded: until that is mended, every call is refused (facts: policy, "Files and order"). */
export class PolicyError extends Error {
  override readonly name: string = 'PolicyError';
  constructor(
    readonly code: 'syntax' | 'file-name' | 'unreadable' | 'too-large',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A line that the grammar does not allow; the message is dom0's own, `FILE:LINE: what`. */
export class PolicySyntaxError extends PolicyError {
  override readonly name = 'PolicySyntaxError';
  constructor(
    readonly file: string | undefined,
    readonly line: number | undefined,
    readonly what: string,
  ) {
    super('syntax', `${file ?? '<unknown>'}:${line ?? 'None'}: ${what}`);
  }
}

/** Where a rule stands; the denies that `!compat-4.0` implies have a file but no line. */
export interface Place {
  readonly file: string;
  readonly line: number | undefined;
}

export function showPlace(place: Place): string {
  return `${place.file}:${place.line ?? 'None'}`;
}
