/** What messages begin their advice with: a semicolon, or a colon before what to do. */
const ADVISES =
  /; \S|: (or )?(unpack|convert|copy|download|choose|point|repair|pack|split|check|set|name|write|use|run|remove|add|give) /i;

/** Advice for a message of an error that may have some of its own already: then there is nothing to add. */
export const adviceFor = (message: string, advice: string): string => (ADVISES.test(message) ? '' : advice);

/** What is wrong and what to do about it, in one sentence. */
export const withAdvice = (message: string, advice: string): string =>
  advice === '' ? message : `${message}; ${advice}`;
