import { type CheckedRequest, dispvmBase, matchesButTarget, Refusal } from './match.ts';
import type { Policy } from './parse.ts';
import type { SystemInfo } from './system.ts';
import { isDom0, type Token } from './tokens.ts';

/** The targets among which the person who is asked could choose: names, `dom0`, `@dispvm:NAME`. */
export function choicesFor(policy: Policy, request: CheckedRequest, system: SystemInfo): ReadonlySet<string> {
  const source = system.find(request.source);
  if (source === undefined) throw new Refusal(`unknown source qube ${request.source}`);
  const choices = new Set<string>();
  for (const rule of policy.rules.toReversed()) {
    if (!matchesButTarget(rule, request, system)) continue;
    const { action } = rule;
    const expanded = expand((action.kind === 'deny' ? undefined : action.target) ?? rule.target, system);
    for (const choice of expanded) {
      if (action.kind === 'deny') choices.delete(choice);
      else choices.add(choice);
    }
  }
  if (choices.delete('@dispvm')) {
    const base = dispvmBase(request.source, system);
    if (base !== undefined) choices.add(base.text);
  }
  if (choices.delete('@adminvm')) choices.add('dom0');
  choices.delete(source.name);
  for (const choice of choices) {
    const qube = system.find(choice.replace(/^@dispvm:/, ''));
    if (qube === undefined) throw new Refusal(`the DispVM base of ${choice} does not exist`);
    if (qube.internal) choices.delete(choice);
  }
  return choices;
}

/** Everything that a target column or a redirect stands for. */
function expand(token: Token, system: SystemInfo): readonly string[] {
  const named = (text: string): readonly string[] => {
    const qube = system.find(text);
    return qube === undefined ? [] : [qube.name];
  };
  switch (token.kind) {
    case 'wildcard':
    case 'anyvm': {
      const all = system.qubes.flatMap(({ name, templateForDispvms }) => [
        ...(token.kind === 'anyvm' && isDom0(name) ? [] : [name]),
        ...(templateForDispvms ? [`@dispvm:${name}`] : []),
      ]);
      return [...all, '@dispvm'];
    }
    case 'adminvm':
    case 'dispvm':
      return [token.text];
    case 'default':
      return [];
    case 'name':
      return named(token.text);
    case 'type':
      return system.qubes.filter(({ type }) => type === token.value).map(({ name }) => name);
    case 'tag':
      return system.qubes.filter(({ tags }) => tags.includes(token.value)).map(({ name }) => name);
    case 'dispvm-of': {
      const base = system.find(token.value);
      if (base === undefined) throw new Refusal(`the DispVM base ${token.value} does not exist`);
      return base.templateForDispvms ? [`@dispvm:${base.name}`] : [];
    }
    case 'dispvm-tag':
      return system.qubes
        .filter(({ tags, templateForDispvms }) => templateForDispvms && tags.includes(token.value))
        .map(({ name }) => `@dispvm:${name}`);
  }
}
