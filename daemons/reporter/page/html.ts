/** Markup that is safe to send: made by `html` alone, so that a plain string can never pass for it. */
export class Html {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  toString(): string {
    return this.#markup;
  }
}

type Part = Html | string | number | null | readonly Html[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters but tab and line feed, bidirectional overrides and isolates, line separators, lone surrogates. */
const unshowable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be shown
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\p{Cs}/gu;

/** Text for element content or a quoted attribute; what would change how other text is read becomes U+FFFD. */
export function escapeHtml(untrusted: string): string {
  return untrusted
    .replace(unshowable, '\ufffd')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** Template tag: the literal parts are markup, every value is escaped unless `html` made it. */
export function html(markup: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = markup[0] ?? '';
  parts.forEach((part, index) => {
    text += render(part) + (markup[index + 1] ?? '');
  });
  return new Html(text);
}

function render(part: Part): string {
  if (part === null) return '';
  if (part instanceof Html) return part.toString();
  if (typeof part === 'object') return part.join('');
  return escapeHtml(String(part));
}

/** A relative URL to a path: each segment encoded, so that `%`, `:` and `+` name themselves. */
export function urlOf(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeURIComponent(segment.replace(/\p{Cs}/gu, '\ufffd')))
    .join('/');
}
