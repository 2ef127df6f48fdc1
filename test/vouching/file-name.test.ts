/** The name in a statement, and the name of the file that the index gives: two spellings of one name, or two names. */
import { expect, test } from "vitest";
import { isNameOf } from "../../src/vouching/file-name.ts";

test.each([
  // pypi-attestations before 0.0.26 signed the tags in its own order (warehouse#18128, gh-action-pypi-publish#365).
  [
    "ruff-0.6.9-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "ruff-0.6.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
  ],
  ["tool-1.0-py3.py2-none-any.whl", "tool-1.0-py2.py3-none-any.whl"],
  ["acme_tool-1.0-py3-none-any.whl", "Acme.Tool-1.0-py3-none-any.whl"],
  ["tool-2024.1.5-1-py3-none-any.whl", "tool-2024.01.05-1-py3-none-any.whl"],
  ["acme-tool-1.0.tar.gz", "acme_tool-1.0.tar.gz"],
])("%s is the name of %s", (stated, name) => {
  expect(isNameOf(stated, [name])).toBe(true);
});

test.each([
  ["another platform", "tool-1.0-py3-none-manylinux2014_aarch64.manylinux_2_17_x86_64.whl"],
  ["fewer tags", "tool-1.0-py3-none-manylinux2014_x86_64.whl"],
  ["another version", "tool-1.00.1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"],
  ["another version with a zero more", "tool-10-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"],
  ["another project", "tool_x-1.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"],
  ["a build", "tool-1.0-1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"],
  ["tags in another place", "tool-1.0-none-py3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"],
  ["no wheel", "tool-1.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.zip"],
  ["nothing but a suffix", ".whl"],
])("%s is another name", (_, stated) => {
  expect(isNameOf(stated, ["tool-1.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"])).toBe(false);
});
