"""Stage 2: the adapter learns to quote. `python quote.py PLAIN_DIR OUT_DIR` (resumes from OUT_DIR).

Each step: four made-up questions (loss on the answer only, see quoting.py) and one window of plain text, so that what
stage 1 learnt stays. Writes checkpoint.pt and curve.json as stage 1 does.
"""
import json
import os
import random
import sys
import time

import torch
import torch.nn.functional as F
from backbone import END, linear_weights_to_bf16, load_backbone, load_tokenizer
from corpus import documents, held_out_passages, split, training_texts
from losses import passage_losses
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from plain import LORA, SEED, WINDOW, rate
from quoting import Examples

STEPS, QUESTIONS, TOP_RATE = int(os.environ.get("STEPS", "60")), 4, 1e-3


def answer_loss(model, rows):
    """Mean loss over all answer tokens of rows of (prompt ids, answer ids); logits are made at those positions only."""
    longest = max(len(p) + len(a) for p, a in rows)
    ids = torch.tensor([p + a + [END] * (longest - len(p) - len(a)) for p, a in rows])
    mask = torch.tensor([[1] * (len(p) + len(a)) + [0] * (longest - len(p) - len(a)) for p, a in rows])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.base_model.model.model(input_ids=ids, attention_mask=mask).last_hidden_state
        picked = torch.cat([hidden[i, len(p) - 1 : len(p) + len(a) - 1] for i, (p, a) in enumerate(rows)])
        logits = model.base_model.model.lm_head(picked)
    return F.cross_entropy(logits.float(), torch.tensor([t for _, a in rows for t in a]))


def main(plain_dir, out):
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(SEED)
    tokenizer = load_tokenizer()
    train, held = split(documents())
    texts = training_texts(train, lambda t: tokenizer.encode(t).ids, WINDOW)
    weights = [len(t) ** 0.5 for t in texts]
    examples = Examples(train, tokenizer)
    probe = held_out_passages(held, lambda t: tokenizer.encode(t).ids, WINDOW, 1)
    model = get_peft_model(linear_weights_to_bf16(load_backbone()), LoraConfig(**LORA))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=TOP_RATE, betas=(0.9, 0.99), weight_decay=0.0)
    path = os.path.join(out, "checkpoint.pt")
    start, curve = 0, []
    if os.path.exists(path):
        saved = torch.load(path)
        optimiser.load_state_dict(saved["optimiser"])
        start, curve = saved["step"], saved["curve"]
    else:
        saved = torch.load(os.path.join(plain_dir, "checkpoint.pt"))
    set_peft_model_state_dict(model, saved["adapter"])
    model.train()
    since, quote_sum, plain_sum, t0 = 0, 0.0, 0.0, time.time()
    for step in range(start, STEPS):
        draw = random.Random(SEED * 2_000_003 + step)
        rows = []
        for _ in range(QUESTIONS):
            passage, question, answer = examples.one(draw)
            rows.append((examples.prompt(passage, question), examples.encode(" " + answer) + [END]))
        text = draw.choices(texts, weights)[0]
        at = draw.randrange(len(text) - WINDOW)
        ids = torch.tensor([text[at : at + WINDOW]])
        for group in optimiser.param_groups:
            group["lr"] = rate(step, STEPS, TOP_RATE, 8)
        optimiser.zero_grad()
        quote_loss = answer_loss(model, rows)
        quote_loss.backward()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids).logits[:, :-1]
        plain_loss = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
        plain_loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        since, quote_sum, plain_sum = since + 1, quote_sum + quote_loss.item(), plain_sum + plain_loss.item()
        if (step + 1) % 10 == 0 or step + 1 == STEPS:
            entry = dict(step=step + 1, quote=round(quote_sum / since, 4), plain=round(plain_sum / since, 4), seconds=round((time.time() - t0) / since, 2))
            if (step + 1) % 20 == 0 or step + 1 == STEPS:
                model.eval()
                entry["held_out"] = float(passage_losses(model, probe, True).mean())
                model.train()
            curve.append(entry)
            since, quote_sum, plain_sum, t0 = 0, 0.0, 0.0, time.time()
            print(entry, flush=True)
            torch.save(dict(adapter=get_peft_model_state_dict(model), optimiser=optimiser.state_dict(), step=step + 1, curve=curve), path)
            json.dump(curve, open(os.path.join(out, "curve.json"), "w"), indent=1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
