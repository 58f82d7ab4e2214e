import type { Qube } from './site.ts';

/** One line a qube, as the tables of the tests show them; what is at Qubes' default is not told. */
export function pictureOf(
  qubes: Readonly<Record<string, Qube>>,
  names: readonly string[],
): readonly string[] {
  return names.map((name) => {
    const qube = qubes[name];
    if (qube === undefined) throw new Error(`there is no qube ${name}`);
    const { properties: own, features } = qube;
    const rest = [
      ...(own.template_for_dispvms === true ? ['disposables'] : []),
      ...(own.autostart === true ? ['autostart'] : []),
      ...Object.entries(features).map(
        ([key, value]) => `${key.replace('service.', '+')}${value === '1' ? '' : '=off'}`,
      ),
      ...qube.tags.filter((tag) => tag !== 'created-by-dom0').map((tag) => `@${tag}`),
    ];
    const size =
      own.memory === undefined
        ? '-'
        : `${own.memory}-${own.maxmem}MiB ${own.vcpus}cpu ${qube.private / 2 ** 30}GiB`;
    return [
      name,
      own.template ?? qube.klass,
      own.label,
      shown(own, 'netvm'),
      shown(own, 'default_dispvm'),
      size,
      ...rest,
    ].join(' ');
  });
}

function shown(own: Qube['properties'], key: string): string {
  const value = Object.hasOwn(own, key) ? (own[key] ?? 'none') : 'default';
  return `${key === 'netvm' ? 'net' : 'dispvm'}=${value}`;
}

/** The lines of a table, its blanks made one, in the order of their names. */
export function table(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replace(/ +/g, ' '))
    .filter((line) => line !== '')
    .sort();
}
