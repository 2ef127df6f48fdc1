/** Lists in messages. */

/** The first texts of a list, in one line; further ones are an ellipsis. @param show Form of a text; only what is shown is formed. */
export function listed(texts: readonly string[], most: number, show = (text: string): string => text): string {
  const shown = texts.slice(0, most).map(show).join(", ");
  return texts.length > most ? `${shown}, …` : shown;
}
