/** Parts of the schemas of `buck2-oras.json`. */
import * as v from "valibot";
import { UsageError } from "../errors.ts";

export function parses(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch (error) {
      if (error instanceof UsageError) return false;
      throw error;
    }
  };
}

export const prefixForm = "HOST or HOST/REPOSITORY, without scheme, tag and digest";

const textForm = "must be a string that is not empty";
export const text = v.pipe(v.string(textForm), v.minLength(1, textForm));
