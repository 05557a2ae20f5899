import { UserError } from '../../errors/userError';
import { Cancelled } from '../shared/command';
import { showError } from '../shared/notify';

/** Settings that an error of `voco segment` offers, as `key=value`. */
interface Offer {
  readonly label: string;
  readonly set: readonly string[];
}

/** Nothing else is taken from a message: names of files stand in it, too. */
const OFFERED =
  /--set (data\.preprocess\.intensity\.(offset|rescale|unwrap|check)=(-?[\d.]+(?:e-?\d+)?|true|false))(?=[\s,;]|$)/g;

function labelOf(settings: readonly RegExpExecArray[]): string {
  const shown = settings.map(([, , key, value]) => {
    if (key === 'check') return 'as It Is';
    return key === 'unwrap' ? 'Unwrapped' : `with ${key} ${value!.replace('-', '−')}`;
  });
  return `Segment ${shown.join(' and ')}`;
}

/** What an error offers: one for each of its pieces of advice. */
export function offersOf(message: string): Offer[] {
  return message.split('; ').flatMap((clause): Offer[] => {
    const settings = [...clause.matchAll(OFFERED)];
    return settings.length > 0 ? [{ label: labelOf(settings), set: settings.map(([, pair]) => pair!) }] : [];
  });
}

/**
 * Shows an error with a button for each setting that it offers.
 *
 * @returns the settings that the user chooses
 * @throws UserError with the message where nothing is offered, Cancelled where none is chosen
 */
export async function chosenSettings(message: string): Promise<readonly string[]> {
  const offers = offersOf(message);
  if (offers.length === 0) throw new UserError(message);
  const chosen = await showError(message, ...offers.map(({ label }) => label));
  const offer = offers.find(({ label }) => label === chosen);
  if (!offer) throw new Cancelled();
  return offer.set;
}
