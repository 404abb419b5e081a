// The page as a running service delivers it: BASE_URL is its address. LOOK: the state that its icon must reach
// ("simulated" by default; "verified", "refused", "undecided").
import assert from 'node:assert/strict';
import { finish, openBrowser, shot, test } from './chromium.mjs';

const base = process.env.BASE_URL;
const want = process.env.LOOK || 'simulated';
const browser = await openBrowser({ ignoreHTTPSErrors: true });
const page = await browser.context.newPage();
const faults = [];
const prompts = [];
let verdict = 0;
page.on('pageerror', (e) => faults.push(e.message));
page.on('console', (m) => {
  if (/Content Security Policy|Trusted Type|Refused to/i.test(m.text())) {
    faults.push(m.text());
  }
});
page.on('request', (r) => {
  if (r.url().endsWith('/api/chat')) {
    prompts.push({ at: Date.now(), body: r.postData() });
  }
});
page.on('response', (r) => {
  if (r.url().endsWith('/v1/attestation') && r.request().method() === 'POST') {
    verdict = Date.now();
  }
});

await test('the page comes with its headers', async () => {
  const reply = await page.goto(base);
  assert.equal(reply.status(), 200);
  const headers = reply.headers();
  for (const part of ["default-src 'none'", "script-src 'self';", "trusted-types 'none'", "frame-ancestors 'none'"]) {
    assert.ok(headers['content-security-policy'].includes(part), part);
  }
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(headers['referrer-policy'], 'no-referrer');
});

await test(`the icon reaches ${want}`, async () => {
  await page.waitForSelector(`.trust[data-look=${want}]`, { timeout: 60000 });
  if (want === 'refused' || want === 'undecided') {
    return; // the dialog lies above it
  }
  await page.hover('#attestation-info-button');
  await page.waitForTimeout(200);
  await shot(page, `real-${want}-panel`);
  await page.mouse.move(5, 5);
});

if (want === 'verified' || want === 'simulated') {
  await test('the panel shows thirteen fields, and none is missing', async () => {
    await page.focus('#attestation-info-button');
    const names = await page.locator('#attestation-info dt').allTextContents();
    const values = await page.locator('#attestation-info dd').allTextContents();
    assert.equal(names.join(' '),
      'jti tee exp iat mr_td rtmr_0 rtmr_1 rtmr_2 rtmr_3 mr_seam seam_attributes td_attributes xfam');
    assert.deepEqual(values.filter((v) => v === 'not in the token'), []);
    assert.equal(await page.locator('.badge .icon-verified').count(), want === 'verified' ? 1 : 0);
  });

  await test('a question is answered, after the verdict and not before', async () => {
    await page.waitForSelector('select.picker');
    await page.fill('#prompt', 'What is the capital of France? Answer in one sentence.');
    await page.press('#prompt', 'Enter');
    await page.waitForSelector('.assistant[data-state=done] .stats', { timeout: 120000 });
    assert.ok((await page.textContent('.assistant .markdown')).trim().length > 0);
    assert.match(await page.textContent('.stats'), /tokens\/s/);
    assert.equal(prompts.length, 1);
    assert.ok(verdict > 0 && prompts[0].at >= verdict);
    await shot(page, 'real-answer');
  });

  await test('Stop ends an answer, and the next one comes', async () => {
    await page.fill('#prompt', 'Tell me a very long story about a lighthouse, at least two thousand words.');
    await page.press('#prompt', 'Enter');
    await page.waitForFunction(() => (document.querySelectorAll('.assistant')[1]?.textContent.length ?? 0) > 40, null,
                               { timeout: 120000 });
    await page.keyboard.press('Escape');
    await page.waitForSelector('.assistant[data-state=stopped]');
    await page.fill('#prompt', 'Say hello.');
    await page.press('#prompt', 'Enter');
    await page.waitForFunction(() => document.querySelectorAll('.assistant .stats').length === 2, null, { timeout: 120000 });
  });

  await test('New Chat is a new check', async () => {
    const before = verdict;
    const again = page.waitForResponse((r) => r.url().endsWith('/jwks.json'));
    await page.click('.new');
    await again;
    await page.waitForTimeout(300);
    await page.waitForSelector(`.trust[data-look=${want}]`, { timeout: 60000 });
    assert.ok(verdict > before);
    assert.equal(await page.locator('.message').count(), 0);
  });
} else {
  await test('the dialog stops the prompt', async () => {
    await page.waitForSelector('dialog[open]');
    await shot(page, `real-${want}-dialog`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.fill('#prompt', 'a secret');
    await page.press('#prompt', 'Enter');
    await page.waitForSelector('dialog[open]');
    assert.equal(prompts.length, 0);
  });
}

await test('nothing ran against the policy of the page', async () => {
  assert.deepEqual(faults, []);
});

await browser.close();
finish();
