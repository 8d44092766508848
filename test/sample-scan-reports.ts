/** Sample scan reports for the tests of the command line, which may not look behind the face of src/scan. */
export * from "../src/scan/report/sample-report.test.ts";
