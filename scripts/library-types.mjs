/** The declarations of the library's types: what `index.ts` shows, without any other package's types. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { root } from "./bundle.mjs";

const specifier = /(\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g;

/**
 * The library is one CommonJS file, which `import` and `require` both take; so its declarations are CommonJS, too.
 *
 * @returns Text by path below `lib/types/`, such as `index.d.cts`.
 * @throws a declaration refers to another package, whose types a user of the library would lack
 */
export function libraryTypes() {
  const dir = mkdtempSync(join(tmpdir(), "library-types-"));
  try {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.types.json"), "--outDir", dir], {
      stdio: "inherit",
    });
    const files = new Map();
    const add = (name) => {
      if (files.has(name)) return;
      const text = readFileSync(join(dir, `${name}.d.ts`), "utf8");
      files.set(name, "");
      const rewritten = text.replace(specifier, (_, before, target) => {
        if (!target.startsWith(".")) throw new Error(`the library's types refer to ${target}, in ${name}.d.ts`);
        const bare = target.replace(/\.[jt]s$/, "");
        add(posix.join(dirname(name), bare));
        return `${before}"${bare}.cjs"`;
      });
      if (/\/\/\/\s*<reference/.test(rewritten))
        throw new Error(`the library's types refer to others, in ${name}.d.ts`);
      files.set(name, rewritten);
    };
    add("index");
    return new Map([...files].map(([name, text]) => [`${name}.d.cts`, text]));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
