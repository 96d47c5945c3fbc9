import type { ApprovalState } from './open-approval.js';

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '');

/** What whoever follows the link sees: everything in one answer, nothing from elsewhere. `nonce`: of this answer's Content-Security-Policy. */
export function approvalPage(state: ApprovalState | undefined, nonce: string): string {
  const title = state === undefined ? 'Link not valid' : state.open ? state.title : 'Nothing to decide';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escaped(title)}</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${bodyOf(state)}
</main>
${state?.open === true ? `<script nonce="${nonce}">${script}</script>` : ''}
</body>
</html>
`;
}

function bodyOf(state: ApprovalState | undefined): string {
  if (state === undefined) return '<p role="status">Check that the link is whole, or ask for a new one.</p>';
  if (!state.open) return `<p role="status">${escaped(state.closed)}</p>`;
  const { message, until } = state;
  return `${message === null ? '' : `<p class="message">${escaped(message)}</p>`}
${until === null ? '' : `<p class="until">Until ${escaped(until.toISOString())}</p>`}
<form>
<label>Your name <input name="by" maxlength="200" autocomplete="name"></label>
<label>Comment <textarea name="comment" maxlength="5000" rows="4"></textarea></label>
<p class="buttons"><button name="decision" value="approve">Approve</button> <button name="decision" value="reject">Reject</button></p>
</form>
<noscript><p>This page needs JavaScript to send your decision.</p></noscript>
<p id="answer" role="status" aria-live="polite"></p>`;
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #f4f5f7; margin: 0; }
main { max-width: 34rem; margin: 3rem auto; padding: 2rem; background: #fff; border: 1px solid #d9dde3; border-radius: 8px; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
.message { white-space: pre-wrap; overflow-wrap: anywhere; }
.until { color: #5b6675; }
label { display: block; margin: 1rem 0; }
input, textarea { display: block; box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; border: 1px solid #8b95a3; border-radius: 4px; }
button { font: inherit; padding: .5rem 1.25rem; border: 1px solid #1b6b3a; border-radius: 4px; background: #1b6b3a; color: #fff; cursor: pointer; }
button[value=reject] { background: #fff; border-color: #a3262a; color: #a3262a; }
button:disabled { opacity: .5; cursor: default; }`;

const script = `
const form = document.querySelector('form');
const answer = document.getElementById('answer');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const decision = event.submitter.value;
  const fields = new FormData(form);
  const said = Object.fromEntries(['by', 'comment'].flatMap((name) => fields.get(name).trim() === '' ? [] : [[name, fields.get(name)]]));
  const all = form.querySelectorAll('button, input, textarea');
  all.forEach((one) => { one.disabled = true; });
  try {
    const response = await fetch(location.pathname, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ decision, ...said }),
    });
    const told = await response.json();
    answer.textContent = response.ok ? 'Thank you: ' + told.status + '.' : told.detail;
    if (response.ok || response.status === 409 || response.status === 404) form.remove();
    else all.forEach((one) => { one.disabled = false; });
  } catch {
    answer.textContent = 'That did not arrive. Try again.';
    all.forEach((one) => { one.disabled = false; });
  }
});`;
