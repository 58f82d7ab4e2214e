// Runs dependency-cruiser over the tree and fails on a forbidden arrow, or when it saw too little to judge.
import { readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import rules from '../.dependency-cruiser.js';

const files = readdirSync('daemons', { recursive: true }).filter((name) =>
  String(name).endsWith('.ts'),
).length;
const { output } = await cruise(
  ['daemons', 'test', 'tools'],
  { ...rules.options, ruleSet: { forbidden: rules.forbidden }, validate: true },
  undefined,
  { tsConfig: extractTSConfig('tsconfig.json') },
);
const seen = output.modules.filter((module) => /^daemons\/.*\.ts$/.test(module.source));
const arrows = seen.reduce((sum, module) => sum + module.dependencies.length, 0);
const external = seen
  .flatMap((module) => module.dependencies)
  .filter((to) => to.resolved.startsWith('node_modules/zod/'));

for (const { rule, from, to } of output.summary.violations) {
  console.error(`layering: ${rule.name}: ${from} -> ${to}`);
}
if (seen.length < files || arrows < files || external.length === 0) {
  console.error(
    `layering: saw ${seen.length} of ${files} modules, ${arrows} imports, ${external.length} of zod: the checker is blind`,
  );
  process.exitCode = 1;
}
if (output.summary.violations.length > 0) process.exitCode = 1;
console.log(
  `layering: ${seen.length} modules, ${arrows} imports, ${output.summary.violations.length} forbidden`,
);
