/** Tells a failed test's errors at once: a campaign that is cut short has then told what it found. */
export default class FailureReporter {
  onInit(vitest) {
    this.logger = vitest.logger;
  }

  onTestCaseResult(test) {
    const { state, errors } = test.result();
    if (state !== 'failed') return;
    console.log(`failed: ${test.fullName}`);
    for (const error of errors) this.logger.printError(error, { project: test.project });
  }
}
