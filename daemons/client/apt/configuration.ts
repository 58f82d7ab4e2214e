import { resolve } from 'node:path';
import { type Message, MessageError, shown, unquoted } from './message.ts';

/**
 * apt's configuration as message 601 brings it: items `Config-Item: Name::Of::Option=value`, both sides quoted by `%xx`
 * (apt-pkg/acquire-worker.cc `SendConfiguration`). An item of a list has the list's name with `::` behind it, and a name
 * of its own behind that if it was given one.
 */
export class Configuration {
  readonly #items: readonly (readonly [name: string, value: string])[];

  /** @throws MessageError */
  constructor(message: Message) {
    this.#items = message.fields
      .filter(([field]) => field.toLowerCase() === 'config-item')
      .map(([, item]) => {
        const equals = item.indexOf('=');
        if (equals < 0)
          throw new MessageError('malformed', `apt sent the option "${shown(item)}" without "="`);
        return [unquoted(item.slice(0, equals)).toLowerCase(), unquoted(item.slice(equals + 1))];
      });
  }

  /** An option's values, be it written `Option "a"` or `Option { "a"; "b"; }`. Names know no case. */
  list(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    return this.#items
      .filter(([found]) => found === wanted || found.startsWith(`${wanted}::`))
      .map(([, value]) => value);
  }

  /** The last value of an option, in either form: what was configured last counts. */
  last(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  /** Options by their names in lower case, lists left out. */
  plain(): ReadonlyMap<string, string> {
    return new Map(this.#items.filter(([name]) => !name.endsWith('::')));
  }

  /** The names right below one, in lower case, each once. */
  below(name: string): readonly string[] {
    const above = `${name.toLowerCase()}::`;
    const inside = this.#items.filter(([found]) => found.startsWith(above));
    return [...new Set(inside.map(([found]) => found.slice(above.length).split('::')[0] ?? ''))];
  }

  /** A folder: a relative one stands in the folder that the option above names, as in `Dir::Cache::archives`. */
  folder(name: string): string {
    const parts = name.split('::');
    const plain = this.plain();
    const values = parts.map(
      (_, index) =>
        plain.get(
          parts
            .slice(0, index + 1)
            .join('::')
            .toLowerCase(),
        ) ?? '',
    );
    return resolve(`/${plain.get('rootdir') ?? ''}`, `.${resolve('/', ...values)}`);
  }
}
