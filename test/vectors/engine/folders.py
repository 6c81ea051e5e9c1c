# folders/: small random models as transformers writes them (config.json, tokenizer.json, safetensors), with transformers' own
# logits, token ids and chat ids. No code of this project takes part.
#   pip install torch==2.9.1 transformers==4.57.6 tokenizers==0.22.2 numpy==2.4.6
#   OMP_NUM_THREADS=1 python folders.py [OUT]
# Weights are rounded to the stored type; logits are computed in float32 on the rounded weights. Seeds are tried in order until
# every case has std(logits) >= 2, no top-2 gap below 0.01 and greedy text of plain ASCII.
import hashlib, json, os, shutil, sys, warnings
warnings.filterwarnings('ignore')
import numpy as np, torch, transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen3Config
transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), 'folders')

PROSE = '''The miller counted the sacks twice and wrote the sum in the long book beside the door. There were forty sacks of rye,
nineteen of barley and three of something that nobody would name. "We shall have rain," she said, "or we shall have none; either way the
wheel must turn." The river had been low since the end of June. In the town they were talking of the new bridge, of the price of salt, and
of the stranger who had bought the house on the hill. He'd paid for it in coins that weren't minted here, they said, and he'll stay until
the winter. Children were told not to go there after dark, and so they went there after dark, one after another, and came back with stories
about the lamps, the books and the enormous sleeping dog. Who is paid when a story is told? The one who tells it, or the one who told it
first? The miller thought about this while the stones were turning, and the longer she thought, the less she knew. '''
CODE = "for (i = 0; i < n; i++) {\n\t\tsum += x[i] * 31;\n\n\n}   return sum == -1 ? 'none' : sum;\n" * 6
SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace('{1,3}', '')
UPPER, LOWER = r'[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]', r'[\p{Ll}\p{Lm}\p{Lo}\p{M}]'
TEKKEN = rf'[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+'
TEXT = ("<|im_start|>She'd paid 48 and 100250 crowns; WE'VE seen:\t\tx[7]  == -3 \n\n\n  the miller's 31st   row -- na\u00efve \u00be"
        " \u6771\u4eac e\u0301 HTTPServer camelCase \u01c5 /usr/lib// \U0001f36f!?<|im_end|>\n")
STRINGS = ['', ' ', '\n', '\r\n\r\n x', '\t\t indented\n  twice\n\n\n', "I'm you're WE'LL they'D it\u2019s 'tis", '1 12 123 1234 12345678', '3.14159e-10, -7/8, 0x1F',
           '\u0663\u0664\u0665 \u00bd \u00b2 \u2167 \u4e94', 'caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m A\u030a', 'camelCaseHTTPServerXml2Json iOS eBay McDonald', 'SNAKE_CASE_NAME kebab-case-name',
           '\u01c4\u01c5\u01c6 \u02b0\u02b1 \u0f40\u0f71', '\u6771\u4eac\u90fd\u306b\u884c\u304d\u307e\u3059\u3002\u30ab\u30bf\u30ab\u30ca', '\u0434\u043e\u043c \u0414\u041e\u041c \u0434\u041e\u043c', '\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947', '\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f',
           'a\u00a0b\u3000c\u2003d\u200be\ufeff', 'x  y   z    ', '   leading', 'path/to//file\n/etc\r\n//', 'if(a!=b){c+=d;}//e', '<think>so</think> <tool>', '<|im_end|><|im_start|>x<|tool|>', '"quoted" \u201ccurly\u201d \u00abfr\u00bb', '$5.00 \u20ac10 50% #1 @me a&b', 'e\u0301\u0301\u0301 \u0301x', '\U0001d54f\U0001d7d9 \u2102', 'end.\x00\x07\x1b', '\u1e9e\u00df \u0130\u0131 \u017f']
CHAT = "{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
MESSAGES = [dict(role='system', content='You count sacks.'), dict(role='user', content="  How many? It's 12 or 1,250, isn't it? ")]


def split(regex):
    return pre_tokenizers.Split(Regex(regex), 'isolated')


def tokenizer(pre, vocab):
    """-> tokenizer.json with `vocab` ids, of which the last two are a control token and an added word that is none."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    rules = {'llama-bpe': [split(LLAMA3), byte_level], 'qwen2': [split(QWEN2), byte_level], 'tekken': [split(TEKKEN), byte_level],
             'smollm': [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)],
             'gpt-2': [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]}[pre]
    t = Tokenizer(models.BPE(ignore_merges=pre in ('llama-bpe', 'tekken')))
    t.normalizer = normalizers.NFC() if pre == 'qwen2' else None
    t.pre_tokenizer = rules[0] if len(rules) == 1 else pre_tokenizers.Sequence(rules)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator([PROSE, CODE, ' '.join(str(i * 37 % 1000) for i in range(200))], trainers.BpeTrainer(
        vocab_size=vocab - 2, special_tokens=SPECIAL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    assert t.get_vocab_size() == vocab - 2, t.get_vocab_size()
    t.add_special_tokens([AddedToken('<|tool|>', special=True, normalized=False)])
    t.add_tokens([AddedToken('<think>', special=False, normalized=False)])
    if pre == 'llama-bpe':
        t.post_processor = processors.TemplateProcessing(single='<|endoftext|> $A', pair='<|endoftext|> $A $B', special_tokens=[('<|endoftext|>', 0)])
    else:
        t.post_processor = processors.ByteLevel(trim_offsets=False)
    return t


def weights(model, rng, plain):
    cfg = model.config
    for name, p in model.named_parameters():
        fan = p.shape[-1]
        if name.endswith('norm.weight'):
            x = 1 + rng.standard_normal(p.shape) * (0.3 if '_norm' in name and 'layernorm' not in name else 0.2)
        elif name.endswith('.bias'):
            x = rng.standard_normal(p.shape) * 0.5
        elif 'embed_tokens' in name:
            x = rng.standard_normal(p.shape) * (3.2 / fan ** 0.5 if cfg.tie_word_embeddings else 1)
            if cfg.tie_word_embeddings: x[~plain] *= 0.05
        elif 'lm_head' in name:
            x = rng.standard_normal(p.shape) * 4.5 / fan ** 0.5
            x[~plain] *= 0.03
        else:
            gain = 1.4 if any(k in name for k in ('q_proj', 'k_proj', 'v_proj')) else 1.2
            if cfg.tie_word_embeddings and ('o_proj' in name or 'down_proj' in name): gain *= 4
            x = rng.standard_normal(p.shape) * gain / fan ** 0.5
        p.data = torch.from_numpy(np.ascontiguousarray(x, np.float32))


def make(name, cfg, pre, dtype, seed, shard='1GB', note=''):
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    tok = tokenizer(pre, cfg.vocab_size - 3)  # three rows of the embedding have no token
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, bos_token='<|endoftext|>', eos_token='<|im_end|>', pad_token='<|endoftext|>', clean_up_tokenization_spaces=False)
    fast.chat_template = CHAT
    shown = [tok.decode([i], skip_special_tokens=False) for i in range(cfg.vocab_size)]
    plain = np.array([i < tok.get_vocab_size() - 2 and i > 2 and s.isascii() and s.isprintable() for i, s in enumerate(shown)])
    model = AutoModelForCausalLM.from_config(cfg).float().eval()
    rng = np.random.default_rng(seed)
    weights(model, rng, plain)
    model.generation_config.eos_token_id = [2, 0]
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    fast.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    assert all(p.dtype == torch.float32 for p in model.parameters())
    entry = dict(folder=name, model_type=cfg.model_type, dtype=str(dtype).split('.')[1], pre=pre, tied=cfg.tie_word_embeddings, seed=seed, note=note,
                 files={f: hashlib.sha256(open(os.path.join(folder, f), 'rb').read()).hexdigest() for f in sorted(os.listdir(folder))}, cases=[])
    for f in ('special_tokens_map.json',):
        os.remove(os.path.join(folder, f)); entry['files'].pop(f)
    entry['strings'] = [dict(text=text, tokens=fast(text).input_ids) for text in STRINGS]
    entry['chat'] = dict(messages=MESSAGES, tokens=fast.apply_chat_template(MESSAGES, add_generation_prompt=True))
    for i, n in enumerate((1, 22, 83, 0)):
        ids = [int(x) for x in rng.integers(3, cfg.vocab_size - 3, n)] if n else fast(TEXT).input_ids
        cur, greedy, gaps = list(ids), [], []
        with torch.no_grad():
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1].numpy()
            for _ in range(8):
                top, at = torch.topk(model(torch.tensor([cur]), use_cache=False).logits[0, -1], 2)
                greedy.append(int(at[0])); gaps.append(float(top[0] - top[1])); cur.append(int(at[0]))
        if logits.std() < 2 or min(gaps) < 0.01 or not all(plain[g] for g in greedy) or len(set(greedy)) < 3: return None
        file = f'{name}-{i}.f32'
        logits.astype('<f4').tofile(os.path.join(OUT, file))
        entry['cases'].append(dict(**({} if n else dict(text=TEXT)), tokens=ids, logits=file, greedy=greedy, logit_std=round(float(logits.std()), 4)))
    print(name, seed, [c['logit_std'] for c in entry['cases']], sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)), flush=True)
    return entry


def config(kind, hidden, ffn, layers, heads, kv, vocab, **more):
    return kind(**{**dict(hidden_size=hidden, intermediate_size=ffn, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv, vocab_size=vocab,
                          max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False, bos_token_id=0, eos_token_id=2, pad_token_id=0), **more})


ROPE3 = dict(rope_type='llama3', factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=40)
YARN = dict(rope_type='yarn', factor=4.0, original_max_position_embeddings=40)
JOBS = [
    ('llama-rope3-sharded-f32', lambda: config(LlamaConfig, 40, 64, 2, 4, 2, 320, head_dim=16, rope_theta=50000.0, rope_scaling=ROPE3), 'llama-bpe', torch.float32,
     dict(shard='90KB', note='three shards and an index; Llama 3 scaling, original length 40; q is 40 -> 64; BOS by the post-processor')),
    ('llama-linear-tied-bf16', lambda: config(LlamaConfig, 48, 72, 2, 4, 1, 324, rope_scaling=dict(rope_type='linear', factor=4.0), tie_word_embeddings=True), 'smollm', torch.bfloat16,
     dict(note='all positions divided by 4; tied')),
    ('mistral-window24-f16', lambda: config(MistralConfig, 48, 80, 2, 6, 3, 328, head_dim=8, sliding_window=24), 'tekken', torch.float16, dict(note='sliding_window 24')),
    ('qwen2-yarn-bf16', lambda: config(Qwen2Config, 48, 64, 3, 4, 2, 330, rope_theta=1000000.0, rms_norm_eps=1e-6, rope_scaling=YARN, use_sliding_window=False, sliding_window=8, max_window_layers=3, tie_word_embeddings=True), 'qwen2', torch.bfloat16,
     dict(note='biases; YaRN, original length 40; a window that is not used')),
    ('qwen3-norm-f16', lambda: config(Qwen3Config, 48, 64, 2, 4, 2, 321, head_dim=16, rms_norm_eps=1e-6, rope_theta=1000000.0, max_position_embeddings=512), 'gpt-2', torch.float16,
     dict(note='norms of q and k; head_dim 16 with hidden 48 and 4 heads; the gpt-2 cut')),
]
if __name__ == '__main__':
    os.makedirs(OUT, exist_ok=True)
    entries = []
    for j, (name, cfg, pre, dtype, more) in enumerate(JOBS):
        found = next((e for e in (make(name, cfg(), pre, dtype, seed, **more) for seed in range(70000 + j, 75000, 10)) if e), None)
        assert found, name
        entries.append(found)
    with open(os.path.join(OUT, 'manifest.json'), 'w') as f:
        f.write('{"folders": [\n' + ',\n'.join(json.dumps(e, ensure_ascii=True) for e in entries) + '\n]}\n')
