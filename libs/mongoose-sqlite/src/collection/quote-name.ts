/** A name as an identifier in SQL. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
