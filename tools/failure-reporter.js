/** Tells a failed test's errors at once: a campaign that is cut short has then told what it found. */
export default class FailureReporter {
  onTestCaseResult(test) {
    const result = test.result();
    if (result.state !== 'failed') return;
    for (const error of result.errors) {
      const diff = error.diff === undefined ? '' : `\n${error.diff}`;
      console.log(`failed: ${test.fullName}\n${error.stack ?? error.message}${diff}`);
    }
  }
}
