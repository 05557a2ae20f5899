// What a command leads to, as the person who called it sees it: a question, a dialog, a notification, a tab, a view.
import { eventually, PATIENCE, runCommand } from './workbench.mjs';

/** What the workbench shows now, as texts. */
function shownNow(page) {
  return page.evaluate(() => {
    const texts = (selector) =>
      [...document.querySelectorAll(selector)]
        .filter((one) => one.checkVisibility())
        .map((one) => one.textContent.trim())
        .filter((text) => text !== '');
    const widget = document.querySelector('.quick-input-widget');
    // The palette itself is no question.
    const asking = widget?.checkVisibility() === true && !widget.querySelector('input.input')?.value.startsWith('>');
    const question = ['.quick-input-title', '.quick-input-message', '.monaco-list-row'].flatMap((part) =>
      texts(`.quick-input-widget ${part}`),
    );
    const pane = document.querySelector('.sidebar .pane-body:focus-within')?.closest('.pane');
    return {
      question: asking ? question.join(' | ') : '',
      dialog: texts('.monaco-dialog-box').join(' | '),
      toasts: texts('.notification-toast .notification-list-item-message'),
      buttons: texts('.notification-toast .monaco-button'),
      busy: document.querySelectorAll('.notification-toast .monaco-progress-container.active').length > 0,
      tabs: texts('.tabs-container .tab'),
      output: texts('.part.panel .monaco-action-bar .checked').join(' | '),
      opened: texts('.sidebar .pane-header[aria-expanded="true"]'),
      view: pane?.querySelector('.pane-header')?.textContent.trim() ?? '',
      status: texts('.statusbar-item').filter((text) => text.startsWith('VoCo')),
    };
  });
}

/** What is there now and was not before. */
function news(before, now) {
  const fresh = {};
  for (const [name, value] of Object.entries(now)) {
    if (Array.isArray(value)) {
      const added = value.filter((text) => !before[name].includes(text));
      if (added.length > 0) fresh[name] = added;
    } else if (typeof value === 'string' && value !== '' && value !== before[name]) fresh[name] = value;
  }
  return fresh;
}

/**
 * Calls a command of the palette without any argument, and waits until it has led to something. Progress that is under way
 * does not count.
 *
 * @returns what is new in the window, by kind; empty when there is nothing within the time.
 */
export async function outcomeOf(page, title, timeout = PATIENCE) {
  const before = await shownNow(page);
  await runCommand(page, title);
  const look = async () => {
    const now = await shownNow(page);
    const fresh = news(before, now);
    return !now.busy && Object.keys(fresh).length > 0 && fresh;
  };
  return eventually(look, `something after "${title}"`, timeout).catch(() => ({}));
}

/** Closes questions, dialogs and notifications, so that the next command starts from the same place. */
export async function putAway(page) {
  await eventually(async () => {
    const { question, dialog } = await shownNow(page);
    if (question === '' && dialog === '') return true;
    await page.keyboard.press('Escape');
    return false;
  }, 'no question and no dialog');
  await eventually(async () => {
    const buttons = page.locator('.notification-toast .codicon-notifications-clear');
    await buttons.evaluateAll((all) => all.forEach((button) => button.click()));
    return (await page.locator('.notification-toast').count()) === 0;
  }, 'no notifications');
}
