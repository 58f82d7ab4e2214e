// Runs every test and closes with `N passed, N failed, N skipped`. Zero tests, or a skip that
// test/UNREACHABLE.md does not list, is a failure. SOAK=1 runs the long campaigns whole.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';

const report = 'build/test/vitest.json';
mkdirSync('build/test', { recursive: true });
rmSync(report, { force: true });

const projects = process.argv.slice(2).flatMap((project) => ['--project', project]);
const reporters = ['default', './tools/failure-reporter.js', 'json'];
const vitest = spawnSync(
  'node_modules/.bin/vitest',
  ['run', ...projects, ...reporters.map((name) => `--reporter=${name}`), `--outputFile.json=${report}`],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);

/** Full names of tests that may be skipped: the first column of the table in test/UNREACHABLE.md. */
const unreachable = readFileSync('test/UNREACHABLE.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| `/.test(line))
  .map((line) => line.split('`')[1]);

if (!existsSync(report)) {
  console.log(`vitest was interrupted and told no results (${vitest.signal ?? `status ${vitest.status}`})`);
  process.exit(1);
}
const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
const tests = testResults.flatMap((file) => file.assertionResults);
const count = (status) => tests.filter((test) => status.includes(test.status)).length;
const passed = count(['passed']);
const skippedTests = tests.filter((test) => !['passed', 'failed'].includes(test.status));
const unlisted = skippedTests.filter((test) => !unreachable.some((name) => test.fullName.startsWith(name)));
const brokenFiles = testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
);
const failed = count(['failed']) + unlisted.length + brokenFiles.length;

for (const test of unlisted) console.log(`skipped, and not listed in test/UNREACHABLE.md: ${test.fullName}`);
for (const file of brokenFiles) console.log(`could not run: ${file.name}: ${file.message}`);
if (passed === 0) console.log('no test was executed');
console.log(`${passed} passed, ${failed} failed, ${skippedTests.length - unlisted.length} skipped`);
process.exitCode = failed > 0 || passed === 0 || (vitest.status !== 0 && failed === 0) ? 1 : 0;
