// Ollama's and OpenAI's own JavaScript clients, unmodified, against a running service. Prints TAP.
// BASE_URL: the plain listener; MODEL_NAME: the loaded model (default smollm2:135m); THINKS=1: its template knows thoughts
// and tools (22_tools.sh), whatever its answers are worth.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../peers-js/package.json', import.meta.url));
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const { Ollama } = await load('ollama');
const { default: OpenAI } = await load('openai');

const host = process.env.BASE_URL ?? 'http://127.0.0.1:11434';
const model = process.env.MODEL_NAME ?? 'smollm2:135m';
const ollama = new Ollama({ host });
const openai = new OpenAI({ baseURL: `${host}/v1`, apiKey: 'any', maxRetries: 0 });
const messages = [{ role: 'user', content: 'Name three colours.' }];
const options = { seed: 7, temperature: 0.5, num_predict: 24 };

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const metric = async (name) => {
  const text = await (await fetch(`${host}/metrics`)).text();
  return Number(text.match(new RegExp(`^sotto_${name} (\\S+)$`, 'm'))[1]);
};
const all = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
};
const durations = ['total_duration', 'prompt_eval_duration', 'eval_duration'];

const tests = {
  'ollama: version': async () => {
    const { version } = await ollama.version();
    assert.match(version, /^\d+\.\d+\.\d+$/);
  },
  'ollama: list': async () => {
    const { models } = await ollama.list();
    const m = models.find((x) => x.name === model);
    assert.equal(m.model, model);
    assert.match(m.digest, /^[0-9a-f]{64}$/);
    assert.equal(m.details.format, 'gguf');
    assert.ok(!Number.isNaN(Date.parse(m.modified_at)));
  },
  'ollama: show': async () => {
    const s = await ollama.show({ model });
    assert.deepEqual(s.capabilities, ['completion']);
    assert.equal(s.model_info['general.architecture'], s.details.family);
    assert.equal(s.model_info['tokenizer.chat_template'], undefined);
    assert.ok(s.template.length > 0);
  },
  'ollama: ps': async () => {
    const { models } = await ollama.ps();
    assert.equal(models[0].name, model);
    assert.ok(Date.parse(models[0].expires_at) > Date.now());
  },
  'ollama: chat': async () => {
    const r = await ollama.chat({ model, messages, options });
    assert.equal(r.message.role, 'assistant');
    assert.ok(r.message.content.length > 0);
    assert.equal(r.done, true);
    assert.ok(['stop', 'length'].includes(r.done_reason));
    for (const d of durations) assert.ok(Number.isInteger(r[d]) && r[d] > 0, d);
    assert.ok(r.eval_count > 0 && r.eval_count <= 24 && r.prompt_eval_count > 0);
  },
  'ollama: chat, streamed, the same seed gives the same answer': async () => {
    const whole = await ollama.chat({ model, messages, options });
    const parts = await all(await ollama.chat({ model, messages, options, stream: true }));
    assert.ok(parts.length > 2);
    assert.equal(parts.map((p) => p.message.content).join(''), whole.message.content);
    assert.ok(parts.slice(0, -1).every((p) => !p.done && p.total_duration === undefined));
    assert.equal(parts.at(-1).done, true);
  },
  'ollama: generate, streamed and not': async () => {
    const request = { model, prompt: 'Say hello.', options };
    const whole = await ollama.generate(request);
    const parts = await all(await ollama.generate({ ...request, stream: true }));
    assert.equal(parts.map((p) => p.response).join(''), whole.response);
    assert.ok(whole.response.length > 0);
  },
  'ollama: raw': async () => {
    const r = await ollama.generate({ model, prompt: 'The capital of France is', raw: true, options: { num_predict: 8, temperature: 0 } });
    assert.match(r.response, /Paris/);
  },
  'ollama: num_predict ends an answer with "length"': async () => {
    const r = await ollama.chat({ model, messages, options: { ...options, num_predict: 2 } });
    assert.equal(r.done_reason, 'length');
    assert.equal(r.eval_count, 2);
  },
  'ollama: load and unload': async () => {
    assert.equal((await ollama.generate({ model, prompt: '' })).done_reason, 'load');
    assert.equal((await ollama.generate({ model, prompt: '', keep_alive: 0 })).done_reason, 'unload');
  },
  'ollama: a model that is not there': async () => {
    await assert.rejects(ollama.chat({ model: 'nope', messages }), (e) => e.status_code === 404 && e.message === 'model "nope" not found, try pulling it first');
    await assert.rejects(ollama.show({ model: 'nope' }), (e) => e.status_code === 404 && e.message === "model 'nope' not found");
  },
  'ollama: tools are refused by name': async () => {
    const tools = [{ type: 'function', function: { name: 'f', description: '', parameters: { type: 'object', properties: {} } } }];
    await assert.rejects(ollama.chat({ model, messages, tools }), (e) => e.status_code === 400 && e.message === `registry.ollama.ai/library/${model} does not support tools`);
  },
  'ollama: absurd options are refused': async () => {
    for (const o of [{ temperature: -1 }, { top_p: 7 }, { num_predict: -99 }, { top_k: 'x' }, { num_ctx: 1e9 }, { num_ctx: 0 }]) {
      await assert.rejects(ollama.chat({ model, messages, options: o }), (e) => e.status_code === 400, JSON.stringify(o));
    }
  },
  'ollama: log probabilities, whole and streamed': async () => {
    const request = { model, messages, options, logprobs: true, top_logprobs: 3 };
    const whole = await ollama.chat(request);
    const parts = await all(await ollama.chat({ ...request, stream: true }));
    assert.deepEqual(parts.flatMap((p) => p.logprobs ?? []), whole.logprobs);
    assert.equal(Buffer.from(whole.logprobs.flatMap((l) => l.bytes)).toString(), whole.message.content);
    assert.equal(whole.logprobs.length, whole.eval_count);
    for (const l of whole.logprobs) {
      assert.equal(l.top_logprobs.length, 3);
      assert.ok(l.logprob <= l.top_logprobs[0].logprob && l.top_logprobs[2].logprob <= l.top_logprobs[1].logprob);
    }
    const one = await ollama.generate({ model, prompt: 'Say hello.', options, logprobs: true });
    assert.ok(one.logprobs.length > 0 && one.logprobs.every((l) => l.top_logprobs === undefined));
    await assert.rejects(ollama.chat({ ...request, top_logprobs: 21 }), (e) => e.status_code === 400 && e.message === 'top_logprobs must be between 0 and 20');
  },
  'ollama: the other ways to sample': async () => {
    const more = [{ mirostat: 1 }, { mirostat: 2, mirostat_tau: 3, mirostat_eta: 0.2 }, { typical_p: 0.5 }, { presence_penalty: 1.5 }, { frequency_penalty: 1 }];
    for (const o of more) {
      const ask = () => ollama.generate({ model, prompt: 'Say hello.', options: { ...options, ...o } });
      const [a, b] = [await ask(), await ask()];
      assert.ok(a.response.length > 0, JSON.stringify(o));
      assert.equal(a.response, b.response, JSON.stringify(o));
    }
  },
  'ollama: embeddings': async () => {
    const input = ['The cat sleeps on the sofa.', 'A cat is sleeping on the couch.', 'int main(void) { return 0; }'];
    const r = await ollama.embed({ model, input });
    const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
    const [a, b, c] = r.embeddings;
    assert.equal(r.embeddings.length, 3);
    assert.ok(r.prompt_eval_count > 10 && r.total_duration > 0);
    for (const v of r.embeddings) assert.ok(Math.abs(dot(v, v) - 1) < 1e-5);
    assert.ok(dot(a, b) > dot(a, c));
    const raw = (await ollama.embeddings({ model, prompt: input[0] })).embedding;
    const length = Math.sqrt(dot(raw, raw));
    raw.forEach((x, i) => assert.ok(Math.abs(x / length - a[i]) < 1e-6));
    assert.equal((await ollama.embed({ model, input: input[0], dimensions: 8 })).embeddings[0].length, 8);
    const long = 'word '.repeat(20000);
    const cut = await ollama.embed({ model, input: long });
    assert.ok(cut.embeddings.length === 1 && cut.truncated === true && r.truncated === undefined);
    await assert.rejects(ollama.embed({ model, input: long, truncate: false }), (e) => e.status_code === 400 && /CONTEXT_FULL/.test(e.message));
  },
  'ollama: a client that hangs up stops its computation': async () => {
    const before = await metric('answers_cancelled_total');
    const other = new Ollama({ host });
    const stream = await other.generate({ model, prompt: 'Count from one to a thousand, in words.', stream: true, options: { seed: 1, num_predict: 2000 } });
    await assert.rejects(async () => {
      for await (const _ of stream) other.abort();
    });
    for (let i = 0; i < 50 && (await metric('answers_cancelled_total')) === before; i++) await sleep(100);
    assert.equal(await metric('answers_cancelled_total'), before + 1);
    assert.equal(await metric('num_requests_running'), 0);
  },
  'openai: models': async () => {
    const list = await all(openai.models.list());
    assert.ok(list.some((m) => m.id === model && m.owned_by === 'library'));
    assert.equal((await openai.models.retrieve(model)).id, model);
    await assert.rejects(openai.models.retrieve('nope'), OpenAI.NotFoundError);
  },
  'openai: chat': async () => {
    const r = await openai.chat.completions.create({ model, messages, seed: 7, max_tokens: 24 });
    assert.equal(r.object, 'chat.completion');
    assert.match(r.id, /^chatcmpl-\d+$/);
    assert.ok(r.choices[0].message.content.length > 0);
    assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + r.usage.completion_tokens);
  },
  'openai: chat, streamed, with usage': async () => {
    const request = { model, messages, seed: 7, max_tokens: 24 };
    const whole = await openai.chat.completions.create(request);
    const parts = await all(await openai.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } }));
    assert.equal(parts.map((p) => p.choices[0]?.delta.content ?? '').join(''), whole.choices[0].message.content);
    assert.deepEqual(parts.at(-1).choices, []);
    assert.equal(parts.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
    assert.equal(parts.at(-2).choices[0].finish_reason, whole.choices[0].finish_reason);
  },
  'openai: several answers, whole and streamed': async () => {
    const request = { model, messages, seed: 7, max_tokens: 12, n: 3 };
    const { choices, usage } = await openai.chat.completions.create(request);
    assert.deepEqual(choices.map((c) => c.index), [0, 1, 2]);
    const one = await openai.chat.completions.create({ ...request, n: 1 });
    assert.equal(choices[0].message.content, one.choices[0].message.content);
    assert.equal(usage.prompt_tokens, one.usage.prompt_tokens);
    const texts = ['', '', ''];
    for (const p of await all(await openai.chat.completions.create({ ...request, stream: true }))) for (const c of p.choices) texts[c.index] += c.delta.content ?? '';
    assert.deepEqual(texts, choices.map((c) => c.message.content));
    await assert.rejects(openai.chat.completions.create({ ...request, n: 17 }), OpenAI.BadRequestError);
  },
  'openai: log probabilities, whole and streamed': async () => {
    const request = { model, messages, seed: 7, max_tokens: 16, logprobs: true, top_logprobs: 2 };
    const { logprobs, message } = (await openai.chat.completions.create(request)).choices[0];
    const parts = await all(await openai.chat.completions.create({ ...request, stream: true }));
    assert.deepEqual(parts.flatMap((p) => p.choices[0].logprobs?.content ?? []), logprobs.content);
    assert.equal(Buffer.from(logprobs.content.flatMap((l) => l.bytes)).toString(), message.content);
    assert.ok(logprobs.content.every((l) => l.top_logprobs.length === 2 && l.top_logprobs[0].logprob >= l.logprob));
  },
  'openai: a bias forbids a token, or demands it': async () => {
    const request = { model, messages, seed: 7, temperature: 0, max_tokens: 1, logprobs: true, top_logprobs: 1 };
    const first = (await openai.chat.completions.create(request)).choices[0].logprobs.content[0];
    assert.equal(first.token, first.top_logprobs[0].token);
    const biased = (await openai.chat.completions.create({ ...request, logit_bias: { 42: 100 } })).choices[0].logprobs.content[0];
    assert.notEqual(biased.token, first.token);
    assert.deepEqual(biased.top_logprobs, first.top_logprobs);
    await assert.rejects(openai.chat.completions.create({ ...request, logit_bias: { 99999999: 1 } }), (e) => e.status === 400 && e.code === 'TOKEN_RANGE');
  },
  'openai: completions, whole and streamed, with log probabilities': async () => {
    const request = { model, prompt: 'Say hello.', seed: 7, max_tokens: 16, logprobs: 2 };
    const whole = await openai.completions.create(request);
    const { text, logprobs } = whole.choices[0];
    assert.equal(whole.object, 'text_completion');
    const bytes = (t) => (t.startsWith('bytes:') ? Buffer.from(t.slice(6).replaceAll('\\x', ''), 'hex') : Buffer.from(t));
    assert.equal(Buffer.concat(logprobs.tokens.map(bytes)).toString(), text);
    assert.ok(logprobs.top_logprobs.every((t) => Object.keys(t).length === 2));
    logprobs.text_offset.forEach((at, i) => {
      assert.ok(logprobs.tokens[i].startsWith('bytes:') || [...text].slice(at).join('').startsWith(logprobs.tokens[i]));
    });
    const parts = await all(await openai.completions.create({ ...request, stream: true }));
    assert.equal(parts.map((p) => p.choices[0].text).join(''), text);
    assert.deepEqual(parts.flatMap((p) => p.choices[0].logprobs?.token_logprobs ?? []), logprobs.token_logprobs);
  },
  'openai: embeddings, in floats and in base64': async () => {
    const input = ['Hello.', 'Goodbye.'];
    const floats = await openai.embeddings.create({ model, input, encoding_format: 'float' });
    const packed = await openai.embeddings.create({ model, input });
    assert.equal(floats.data.length, 2);
    floats.data.forEach((d, i) => {
      assert.equal(d.index, i);
      assert.deepEqual(Array.from(Float32Array.from(d.embedding)), Array.from(Float32Array.from(packed.data[i].embedding)));
    });
    assert.equal(floats.usage.total_tokens, floats.usage.prompt_tokens);
  },
  'openai: errors have their classes': async () => {
    await assert.rejects(openai.chat.completions.create({ model: 'nope', messages }), OpenAI.NotFoundError);
    await assert.rejects(openai.chat.completions.create({ model, messages: [] }), OpenAI.BadRequestError);
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema: { not: {} } } };
    await assert.rejects(openai.chat.completions.create({ model, messages, response_format }), (e) => e.status === 400 && e.code === 'SCHEMA_UNSUPPORTED');
  },
  'ollama: an answer held to JSON is JSON': async () => {
    const r = await ollama.chat({ model, messages, format: 'json', options: { seed: 1, num_predict: 200, temperature: 0 } });
    if (r.done_reason === 'stop') assert.equal(typeof JSON.parse(r.message.content), 'object');
    else assert.ok(r.message.content.startsWith('{'));
  },
  'openai: an answer held to a schema has its form': async () => {
    const schema = { type: 'object', properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', minimum: 0, maximum: 120 }, kind: { enum: ['cat', 'dog'] } }, required: ['name', 'age', 'kind'], additionalProperties: false };
    const r = await openai.chat.completions.create({ model, messages, seed: 5, response_format: { type: 'json_schema', json_schema: { name: 'pet', strict: true, schema } } });
    const pet = JSON.parse(r.choices[0].message.content);
    assert.deepEqual(Object.keys(pet), ['name', 'age', 'kind']);
    assert.ok(pet.name.length <= 12 && Number.isInteger(pet.age) && pet.age >= 0 && pet.age <= 120 && ['cat', 'dog'].includes(pet.kind));
    assert.equal(r.choices[0].finish_reason, 'stop');
  },
  'openai: a stop text ends the answer before it': async () => {
    const r = await openai.chat.completions.create({ model, messages, seed: 7, temperature: 0, max_tokens: 64, stop: ['e'] });
    assert.ok(!r.choices[0].message.content.includes('e'));
    assert.equal(r.choices[0].finish_reason, 'stop');
  },
};

const tools = [{ type: 'function', function: { name: 'weather', description: 'Of a city.', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }];
const call = (args) => ({ id: 'call_1', type: 'function', function: { name: 'weather', arguments: args } });
const short = { seed: 3, num_predict: 12 };
const ofThinking = {
  'show: the model thinks and knows tools': async () => {
    assert.deepEqual((await ollama.show({ model })).capabilities, ['completion', 'tools', 'thinking']);
  },
  'ollama: thoughts are apart from the answer, and the same in a stream': async () => {
    const r = await ollama.chat({ model, messages, think: true, options: short });
    assert.ok(r.message.thinking.length > 0);
    assert.equal(r.message.content, '');
    const parts = await all(await ollama.chat({ model, messages, think: true, options: short, stream: true }));
    assert.equal(parts.map((p) => p.message.thinking ?? '').join(''), r.message.thinking);
    const without = await ollama.chat({ model, messages, think: false, options: short });
    assert.equal(without.message.thinking, undefined);
    assert.ok(without.message.content.length > 0);
    await assert.rejects(ollama.chat({ model, messages, think: 'sometimes-not', options: short, tools: 'x' }), (e) => e.status_code === 400);
  },
  'openai: thoughts, and an effort of none': async () => {
    const request = { model, messages, seed: 3, max_tokens: 12 };
    const r = await openai.chat.completions.create(request);
    assert.ok(r.choices[0].message.reasoning.length > 0);
    const parts = await all(await openai.chat.completions.create({ ...request, stream: true }));
    assert.equal(parts.map((p) => p.choices[0]?.delta.reasoning ?? '').join(''), r.choices[0].message.reasoning);
    const without = await openai.chat.completions.create({ ...request, reasoning_effort: 'none' });
    assert.equal(without.choices[0].message.reasoning, undefined);
    assert.ok(without.choices[0].message.content.length > 0);
  },
  'tools and the results of calls reach the template, in both forms alike': async () => {
    const before = await ollama.chat({ model, messages, think: false, options: short });
    const history = (args, result) => [...messages, { role: 'assistant', content: '', tool_calls: [call(args)] }, result];
    const a = await ollama.chat({ model, tools, think: false, options: short, messages: history({ city: 'Rome' }, { role: 'tool', tool_name: 'weather', content: 'sun' }) });
    assert.ok(a.prompt_eval_count > before.prompt_eval_count + 100);
    const b = await openai.chat.completions.create({ model, tools, seed: 3, max_tokens: 12, reasoning_effort: 'none', messages: history('{"city":"Rome"}', { role: 'tool', tool_call_id: 'call_1', content: 'sun' }) });
    assert.equal(b.usage.prompt_tokens, a.prompt_eval_count);
    const none = await openai.chat.completions.create({ model, tools, tool_choice: 'none', seed: 3, max_tokens: 12, reasoning_effort: 'none', messages });
    assert.equal(none.usage.prompt_tokens, before.prompt_eval_count);
  },
  'calls, which a schema makes the model write': async () => {
    const format = { const: { name: 'weather', parameters: { city: 'Rome' } } };
    const request = { model, messages, tools, format, think: false, options: { seed: 1, num_predict: 200 } };
    const whole = await ollama.chat(request);
    assert.equal(whole.message.content, '');
    assert.deepEqual(whole.message.tool_calls.map((c) => c.function), [{ index: 0, name: 'weather', arguments: { city: 'Rome' } }]);
    const parts = await all(await ollama.chat({ ...request, stream: true }));
    assert.deepEqual(parts.flatMap((p) => p.message.tool_calls ?? []).map((c) => c.function.arguments), [{ city: 'Rome' }]);
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema: format } };
    const asked = { model, messages, tools, response_format, reasoning_effort: 'none', seed: 1, max_tokens: 200 };
    const choice = (await openai.chat.completions.create(asked)).choices[0];
    assert.equal(choice.finish_reason, 'tool_calls');
    assert.ok(choice.message.tool_calls[0].id.length > 0);
    assert.deepEqual(JSON.parse(choice.message.tool_calls[0].function.arguments), { city: 'Rome' });
    const stream = openai.chat.completions.stream({ ...asked, stream: true });
    const last = (await stream.finalChatCompletion()).choices[0];
    assert.deepEqual([last.finish_reason, last.message.tool_calls[0].function.name, JSON.parse(last.message.tool_calls[0].function.arguments)], ['tool_calls', 'weather', { city: 'Rome' }]);
    const without = await ollama.chat({ ...request, tools: undefined });
    assert.deepEqual(JSON.parse(without.message.content), format.const);
  },
  'calls that the request forces': async () => {
    const parameters = { type: 'object', properties: { city: { enum: ['Rome', 'Oslo'] } }, required: ['city'] };
    const known = [{ type: 'function', function: { name: 'weather', parameters } }];
    const asked = { model, messages, tools: known, reasoning_effort: 'none', seed: 1, max_tokens: 200 };
    for (const tool_choice of ['required', { type: 'function', function: { name: 'weather' } }]) {
      const choice = (await openai.chat.completions.create({ ...asked, tool_choice })).choices[0];
      assert.equal(choice.finish_reason, 'tool_calls');
      assert.equal(choice.message.tool_calls[0].function.name, 'weather');
      assert.match(JSON.parse(choice.message.tool_calls[0].function.arguments).city, /^(Rome|Oslo)$/);
    }
  },
  'what cannot be done with tools is refused': async () => {
    const request = { model, messages, tools, max_tokens: 4 };
    await assert.rejects(openai.chat.completions.create({ ...request, tool_choice: { type: 'function', function: { name: 'rain' } } }), OpenAI.BadRequestError);
    await assert.rejects(openai.chat.completions.create({ ...request, tools: [{ type: 'function' }] }), OpenAI.BadRequestError);
    await assert.rejects(openai.chat.completions.create({ ...request, messages: [...messages, { role: 'assistant', content: null, tool_calls: [call('{"city')] }] }), OpenAI.BadRequestError);
  },
  'a model that thinks is held to a schema where it answers': async () => {
    const format = { type: 'object', properties: { colour: { enum: ['red', 'green', 'blue'] }, n: { type: 'integer', minimum: 1, maximum: 9 } }, required: ['colour', 'n'] };
    for (const seed of [1, 2, 3]) {
      const r = await ollama.chat({ model, messages, format, think: false, options: { seed, num_predict: 200, temperature: 1.2 } });
      const v = JSON.parse(r.message.content);
      assert.ok(['red', 'green', 'blue'].includes(v.colour) && v.n >= 1 && v.n <= 9);
    }
  },
};
const chosen = process.env.THINKS === '1' ? ofThinking : tests;

console.log(`1..${Object.keys(chosen).length}`);
let number = 0;
let failed = 0;
for (const [name, run] of Object.entries(chosen)) {
  number += 1;
  try {
    await run();
    console.log(`ok ${number} - ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${number} - ${name}\n${String(error.stack).replace(/^/gm, '# ')}`);
  }
}
process.exit(failed > 0 ? 1 : 0);
