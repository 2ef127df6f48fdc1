/** Stands in the bundle for a function that is imported and never called. */
// biome-ignore lint/style/noDefaultExport: stands for a CommonJS module, which is its function
export default function notBundled() {
  throw new Error("this function is not a part of the bundle");
}
