/** Tells the errors of a test, a hook or a file at once: a campaign that is cut short has then told what it found. */
export default class FailureReporter {
  onInit(vitest) {
    this.logger = vitest.logger;
  }

  onTestCaseResult(test) {
    const { state, errors } = test.result();
    if (state === 'failed') this.#tell(test.fullName, test.project, errors);
  }

  onTestSuiteResult(suite) {
    this.#tell(suite.fullName, suite.project, suite.errors());
  }

  onTestModuleEnd(file) {
    this.#tell(file.relativeModuleId, file.project, file.errors());
  }

  #tell(what, project, errors) {
    if (errors.length === 0) return;
    console.log(`failed: ${what}`);
    for (const error of errors) this.logger.printError(error, { project });
  }
}
